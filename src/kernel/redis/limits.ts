import { SECOND } from '../clock.ts';

/** Milliseconds. A healthy Redis answers within one or two; a request must not notice one that does not. */
export const COMMAND_TIMEOUT = 200;
/** Milliseconds. Longer than a command and a process that stood still. */
export const HANDSHAKE_TIMEOUT = SECOND;
/** Milliseconds by which a timer is late when the process does not get to its work. */
export const STANDSTILL = 25;
/** A node to which listening lasted this long was well: the next pause is the shortest again. */
export const LISTENER_HEALTHY_AFTER = 5 * SECOND;
/** Milliseconds. A silent peer is noticed after this and the command timeout. */
export const LISTENER_HEARTBEAT = 400;
/** Milliseconds between two looks whether a Redis that was away is back. */
export const PROBE_INTERVAL = 500;
