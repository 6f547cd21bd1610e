import { MINUTE, SECOND } from '#kernel/clock.ts';

/** A stop takes less than 10 s: balancers notice within this part of them. */
export const STOP_DRAIN = 5 * SECOND;
/** Drain and answers in flight share this much of a stop; closing has the rest. */
export const STOP_LONGEST_ANSWER = 8 * SECOND;
/** A hanging part must not delay a stop, or the clean-up of a failed start. */
export const LONGEST_CLOSE = 1.5 * SECOND;
/** After a fault the process ends within 5 s: half of them for answers in flight. */
export const GRACE_AFTER_FAULT = 2.5 * SECOND;
/** The first pause after a start whose database or Redis was away; each further one is twice as long. */
export const FIRST_START_RETRY = SECOND / 4;
/** The longest pause between two tries to start: what comes back is noticed within this time. */
export const LONGEST_START_RETRY = 2 * SECOND;
/** The answer is printed by then: what hangs while it closes must not keep the command. */
export const LONGEST_COMMAND_CLOSE = 2 * SECOND;
/** A command that is told to try again in seconds does so for this long; a wait of minutes is for the operator. */
export const LONGEST_COMMAND_WAIT = 30 * SECOND;
/** Parts that follow the first responses, such as the job queues, are loaded by then. */
export const SETTLED_AFTER = 3 * SECOND;
/** Of a function: enough for V8 to have seen what it is called with. */
export const CALLS_BEFORE_COMPILED = 50;
/** One order may arrive twice: npm hands a signal on that a terminal or a service manager has sent to every process. */
export const SAME_ORDER_WITHIN = SECOND / 2;
/** Longer than any orderly stop takes: then the process ends by itself. */
export const LONGEST_ORDER = 11 * SECOND;
/** A hanging resource must not keep a process from its end. */
export const LONGEST_PROCESS_CLOSE = 2.5 * SECOND;
/** The last lines of the log have this long to be written. */
export const LONGEST_FLUSH = SECOND;
/** The pause after a worker that died; each further one is twice as long. */
export const FIRST_RESTART_PAUSE = SECOND / 10;
/** The longest pause between two workers: a repaired cause is noticed within this time. */
export const LONGEST_RESTART_PAUSE = 10 * SECOND;
/** A worker that lived so long did not die of how it was started. */
export const WORKER_HEALTHY_AFTER = MINUTE;
/** Longer than any orderly stop of a worker takes, and less than the 10 s of a service manager. */
export const WORKER_PATIENCE = 9.5 * SECOND;
