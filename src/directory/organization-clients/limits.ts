/** Clients that one organization allows: services of its own and of its suppliers. */
export const MOST_CLIENTS = 200;
