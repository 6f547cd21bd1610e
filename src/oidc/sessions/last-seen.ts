/** From where a session was used last; `at` is a NumericDate. */
export type LastSeen = { ip: string; userAgent: string; at: number };
