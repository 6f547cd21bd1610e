import { HOUR, MINUTE, SECOND } from '../clock.ts';

/** Bytes of a form, where its page names no other limit: many times the longest of ours. */
export const FORM_LIMIT = 64 * 1024;
/** Bytes of JSON where a path names no other limit: many times the longest of ours. */
export const JSON_LIMIT = 256 * 1024;
/** Fields of a form: more than any has, few enough to read at once. */
export const MOST_BODY_FIELDS = 1000;
/** Levels of nested JSON, before a recursive reader could run out of stack. */
export const DEEPEST_JSON = 32;
/** How much of a refused body is thrown away, and for how long, so that an honest sender comes to read the answer. */
export const REFUSED_BODY_DRAIN = { bytes: 1024 * 1024, milliseconds: 250 };
/** Proxies of one request: a longer chain is no real way here. */
export const MOST_HOPS = 32;
/** Characters that are kept of a User-Agent, whose sender chooses its length. */
export const LONGEST_USER_AGENT = 512;
/** Seconds until a client should come back when the database is away: most failovers take seconds. */
export const RETRY_WHEN_AWAY_SECONDS = 5;
/** However many probe, each dependency is asked once a second. */
export const CHECK_REMEMBERED_FOR = SECOND;
/** A dependency that says nothing for this long is away. */
export const LONGEST_CHECK = 2 * SECOND;
/** A balancer that watches asks every few seconds. */
export const WATCHED_WITHIN = 30 * SECOND;
/** Node looks for slow clients this often. */
export const SLOW_CLIENT_CHECK_INTERVAL = SECOND / 2;
/** The delay of Node with slow clients: a check interval, and the rest for a process that is busy while it should look. */
export const SLOW_CLIENT_MARGIN = 1.5 * SECOND;
/** Requests after which a connection is closed, so that clients spread over new nodes. */
export const REQUESTS_PER_SOCKET = 1000;
/** Characters: what is shorter than this holds nothing of a secret. */
export const SHORTEST_SECRET_PART = 20;
/** Long enough to sign in or to choose a password first; the link itself can be opened again as long as it works. */
export const LINK_COOKIE_LIFETIME = HOUR;
/** Links open in one browser: it sends all cookies with every request, and headers may hold 16 KiB. */
export const MOST_LINK_COOKIES = 6;
/** A server that takes no connection in this time is away. */
export const OUTBOUND_CONNECT_TIMEOUT = 3 * SECOND;
/** A whole exchange with another server, whatever it sends meanwhile: a slow server must not hold a request. */
export const OUTBOUND_TOTAL_TIMEOUT = 10 * SECOND;
/** Bytes of an answer of another server, which is kept in memory. */
export const LARGEST_OUTBOUND_ANSWER = 1024 * 1024;
/** An answer that is the same for all is made once a second. */
export const READY_ANSWER_LIFETIME = SECOND;
/** Long enough for the slowest redirect, and too short to meet another user of the same browser. */
export const REFUSAL_LIFETIME = MINUTE;
/** Bytes of JSON. Three such cookies stay well below the 8 KiB that proxies take in one header. */
export const LARGEST_REFUSAL = 1200;
/** Pages that can wait for their redirect at once, in as many tabs. */
export const MOST_REFUSALS = 3;
/** Characters of one text; where the whole is too large, the longest texts go first. The last one is longer than any kind. */
export const LONGEST_REFUSAL_TEXTS = [320, 128, 40];
/** RFC 9110 §4.1 recommends to take 8,000 bytes at least. */
export const LONGEST_TARGET = 8192;
/** Characters of a path in a line of the log; a longer one is no page of ours. */
export const LONGEST_LOGGED_PATH = 256;
/** Characters of the reason of a refusal in a line of the log. */
export const LONGEST_LOGGED_REASON = 300;
/** Lines about refused requests of one client with one reason: enough to see it, too few to fill a disk. */
export const REFUSAL_LINES = 10;
/** The time in which they are counted. */
export const REFUSAL_LINE_WINDOW = MINUTE;
/** Clients and reasons that are counted at once. */
export const MOST_REFUSAL_WINDOWS = 1000;
/** Fields in addition to the file: a form with a file has three. */
export const MOST_UPLOAD_FIELDS = 8;
/** Bytes of a field in addition to the file: a token, or a short text. */
export const LONGEST_UPLOAD_FIELD = 4096;
/** Bytes that the form adds to its file: boundaries, headers, the other fields. */
export const LARGEST_UPLOAD_FRAME = 64 * 1024;
/** A key set of a client or an upstream: some keys of less than a KiB each. */
export const KEY_SET_LIMITS = { maxBytes: 64 * 1024 };
