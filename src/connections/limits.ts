import { HOUR, MINUTE, SECOND } from '#kernel/clock.ts';
import { KEY_SET_LIMITS } from '#kernel/http/limits.ts';

/** From the redirect to a provider to its answer: long enough for a second factor there. */
export const TRANSACTION_LIFETIME = 10 * MINUTE;
/** One request to a provider while a user waits. A sign-in makes up to four. */
export const UPSTREAM_TIMEOUT = 5 * SECOND;
/** Bytes of the answer to a code: an ID token may list thousands of groups. */
export const LARGEST_TOKEN_ANSWER = 256 * 1024;
/** Bytes of a document that is read: metadata, a profile, or keys, which have this limit everywhere. */
export const LARGEST_DOCUMENT = KEY_SET_LIMITS.maxBytes;
/** A discovery document is read again after this time; keys are read again as the protocol library needs them. */
export const METADATA_KEPT_FOR = HOUR;
/** A provider that failed is asked again after this time: visitors do not wait for it one after the other. */
export const FAILURE_KEPT_FOR = 5 * SECOND;
/** Connections whose metadata and keys are in memory, some ten KiB each. */
export const MOST_KEPT_METADATA = 200;
/** The lists of connections that a node keeps: one for the instance, one for each organization. */
export const MOST_KNOWN_LISTS = 5_000;
/** Connections of the instance, or of one organization: they are all on one page. */
export const MOST_CONNECTIONS = 50;
/** OpenID Connect Core §2: a subject has at most 255 characters. Other identifiers of a provider get the same. */
export const LONGEST_IDENTIFIER = 255;
/** Characters of a name of a user. */
export const LONGEST_NAME = 200;
/** Methods in `amr`: one sign-in uses some. */
export const MOST_METHODS = 20;
/** Groups of a connection that bring roles. */
export const MOST_GROUP_ROLES = 200;
/** The role whose holders may change the connections of their organization. */
export const OWNER_ROLE = 'TENANT_OWNER';
/** Roles of one group, or of new members. */
export const MOST_ROLES = 20;
/** Characters of a text that the browser brings back: nothing of ours is longer. */
export const LONGEST_TRANSACTION = 2048;
/** Characters of a secret: a private key of RSA with 4096 bits in PEM has 3,300. */
export const LONGEST_SECRET = 8192;
/** Characters of an address of a provider. */
export const LONGEST_ADDRESS = 512;
/** Scopes of one request. */
export const MOST_SCOPES = 30;
/** A client assertion is made for one request. Apple takes up to six months. */
export const ASSERTION_SECONDS = 60;
/** Seconds. Providers send a logout token at once, and sign another one when they repeat it later. */
export const OLDEST_LOGOUT_TOKEN = 300;
/** Seconds by which the clocks of a provider and of this node may differ. */
export const LOGOUT_CLOCK_SKEW = 60;
/** A token that is over so soon is refreshed: it has to reach the provider. */
export const REFRESHED_BEFORE = MINUTE;
/** One node refreshes the tokens of an identity, and others wait for it: as long as the provider may take, with some room. */
export const REFRESH_LEASE = 2 * UPSTREAM_TIMEOUT;
/** A caller that waits for another node looks so often: a provider answers within some of these times. */
export const REFRESH_POLLED_EVERY = SECOND / 5;
/** Clients that may fetch the tokens of a connection for its users. */
export const MOST_TOKEN_CLIENTS = 50;
/** Tokens of one user that a client may fetch at a connection in a minute: a client that keeps a token until it expires needs one an hour. */
export const TOKEN_FETCHES = { name: 'upstream-token-fetches', points: 30, duration: MINUTE } as const;
/** Custom properties that a connection fills. */
export const MOST_PROPERTIES = 50;
/** Characters of a value for a custom property: the longest type, a URL, has as many. */
export const LONGEST_PROPERTY = 2048;
/** Users in the answer to a refused deletion. */
export const MOST_NAMED_USERS = 10;
/** Groups, or roles, of one user. Entra ID sends at most 150 by SAML, others more. */
export const MOST_GROUPS = 500;
/** Characters of metadata that is given: below the limit of a request of the management API. */
export const LONGEST_METADATA = 200_000;
/** Of a link that tests a connection: long enough to send it to the administrator of the provider. */
export const TEST_LIFETIME = 24 * HOUR;
