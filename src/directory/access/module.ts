/**
 * access: the permissions of users.
 *
 * Owns    the permissions, and the permissions of each role.
 * Leaves  the roles of a user to users, further demands on the user to the slice that checks the permission.
 * URLs    none.
 */
export { access, type Permission, permissions, type Scope } from './permission.ts';
