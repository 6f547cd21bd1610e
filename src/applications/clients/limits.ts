import { DAY, MINUTE, SECOND } from '#kernel/clock.ts';

/** APIs of one client: all are read with each of its tokens. */
export const MOST_APIS = 100;
/** Seconds: a JWT cannot be taken back, so it lives no longer than this unless the operator decides otherwise. */
export const DEFAULT_TOKEN_SECONDS = (10 * MINUTE) / SECOND;
/** Seconds that an opaque access token may live, which can be taken back. */
export const LONGEST_OPAQUE_SECONDS = DAY / SECOND;
/** RFC 7518 §3.3: RSA keys of 2048 bits or more. */
export const LEAST_RSA_BITS = 2048;
/** Redirect URIs of one client; each request is compared with all of them. */
export const MOST_ADDRESSES = 100;
/** A known origin is trusted so long. */
export const ORIGINS_KEPT_FOR = 10 * SECOND;
/** An origin that is not known is looked up again at most so often, however many ask. */
export const ORIGINS_READ_EVERY = SECOND;
/** Beyond this many the list would cost more than it protects, and every origin counts as known. */
export const MOST_ORIGINS = 100_000;
/** Seconds that an old secret may work together with its successor: a quarter, in which every deployment is renewed. */
export const LONGEST_OVERLAP_SECONDS = (90 * DAY) / SECOND;
/** One secret that is in use and one that replaces it. */
export const MOST_VALID_SECRETS = 2;
/** Clients and APIs in memory: with open registration any software can register a client. */
export const MOST_KEPT_CLIENTS = 10_000;
/** Characters: browsers and proxies take this many everywhere. */
export const LONGEST_REDIRECT_URI = 2048;
/** Characters of a name that a user reads when they decide what to trust. */
export const LONGEST_SHOWN_NAME = 128;
/** Claims that a client may map: tokens travel in headers and cookies, which have limits. */
export const MOST_MAPPED_CLAIMS = 50;
/** Characters of a constant claim. */
export const LONGEST_CONSTANT = 512;
/** Characters of an origin: a scheme, a host name and a port. */
export const LONGEST_ORIGIN = 300;
/** Claim names in one list of a client: more than all standard claims and properties together. */
export const MOST_CLAIM_NAMES = 100;
/** Milliseconds for which the metadata of the provider may lag behind the clients of another node. */
export const HYBRID_KEPT_FOR = 10 * SECOND;
/** Characters of a client_id. */
export const LONGEST_CLIENT_ID = 255;
