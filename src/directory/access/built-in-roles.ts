/** The roles that every instance has. Migrations make them; they stay as they are. */

const uuidOf = (number: number): string => `00000000-0000-7000-8000-00000000000${number}`;

/** May do everything. One active user always has it, on the instance and without an end. */
export const SUPER_ADMIN_ID = uuidOf(1);
export const PLATFORM_ADMIN_ID = uuidOf(2);
/** One active member of each organization that has owners always has it there. */
export const TENANT_OWNER_ID = uuidOf(3);
export const TENANT_ADMIN_ID = uuidOf(4);
export const TENANT_MANAGER_ID = uuidOf(5);
export const TENANT_USER_ID = uuidOf(6);
