import { HOUR, MINUTE, SECOND } from '#kernel/clock.ts';

/** Of the text of a message, before and after inflation. Responses with many groups have 60 KiB. */
export const MESSAGE_BYTES = 256 * 1024;

/** Of metadata: an entity with many endpoints and certificates. Federations of thousands of entities are refused. */
export const METADATA_BYTES = 1024 * 1024;

/** Nested elements. A signed response with nested attribute values has 12. */
export const MOST_DEPTH = 32;

/** A response with 300 attributes has 700. XPath over the elements takes quadratic time, so this limits time. */
export const MOST_ELEMENTS = 1000;

/** Of metadata, which an administrator chooses. AD FS lists a hundred claims three times: 1,000. */
export const MOST_METADATA_ELEMENTS = 5000;

/** Of one element; namespaces count. */
export const MOST_ATTRIBUTES = 64;

/** Attributes of all elements, for each element that is allowed: canonicalization sorts them and looks each one up. Messages have two. */
export const ATTRIBUTES_OF_ELEMENT = 4;

/** Prefixes that a signature names for its canonical form, each looked up at each element. */
export const PREFIX_LIST_LENGTH = 250;

/** Two in use, two for a roll-over, and as many again. */
export const MOST_CERTIFICATES = 8;

/** RelayState is 80 bytes by SAML Bindings §3.4.3. Some products send URLs. */
export const RELAY_STATE_BYTES = 2048;

/** A message takes 5 ms; the thread that reads a longer one is ended. */
export const READING_TIME = SECOND;

/** A thread loads the libraries in 0.3 s; machines under load take longer. */
export const THREAD_START_TIME = 20 * SECOND;

/** Messages that wait for the threads. More are refused, so that an attack does not collect memory. */
export const MOST_WAITING = 64;

/** Of one thread, in MiB. A message needs 30. */
export const THREAD_MEMORY = 128;

/** The clocks of two servers may differ by this. */
export const CLOCK_SKEW = MINUTE;

/** How long after its issue a message is accepted, whatever it says itself: the browser brings it at once. */
export const MESSAGE_LIFETIME = 10 * MINUTE;

/** Entra ID and AD FS write an hour. A longer time is a mistake of the identity provider, or an old assertion. */
export const LONGEST_CONDITIONS = 24 * HOUR;
