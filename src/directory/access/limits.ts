/** Users and machine clients whose permissions a process keeps in memory. */
export const MOST_KEPT_SUBJECTS = 10_000;
/** Roles of the instance, or of one organization. */
export const MOST_ROLES = 500;
/** Groups of the instance, or of one organization. */
export const MOST_GROUPS = 5000;
/** Permissions of one role, without inherited ones. */
export const MOST_PERMISSIONS = 500;
/** Roles that one role inherits directly, and groups that one group is in directly. */
export const MOST_PARENTS = 50;
/** Questions in one call of access.check_batch. */
export const MOST_CHECKS = 100;
/** Ways to a permission that an explanation shows. */
export const MOST_WAYS = 20;
