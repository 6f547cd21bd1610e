/** Users and machine clients whose permissions a process keeps in memory. */
export const MOST_KEPT_SUBJECTS = 10_000;
