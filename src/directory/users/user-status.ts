export type UserStatus = 'active' | 'disabled';
