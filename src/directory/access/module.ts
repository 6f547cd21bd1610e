/**
 * access: who may do what.
 *
 * Owns    the permissions, and which of them a role brings.
 * Leaves  which roles a user holds to users, what is asked of a user who may do something to the slice that asks it.
 * URLs    none.
 */
export { access, type Permission, permissions, type Scope } from './permission.ts';
