/** The orders of a list of users, which an index of the table carries. */
export const userSorts = ['created_at', 'email', 'name'] as const;
