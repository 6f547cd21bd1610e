import { DAY, MINUTE } from '../clock.ts';

/** Messages of a kind to one number within a quarter of an hour: a first try and two more. */
export const SMS_PER_RECIPIENT_QUARTER_HOUR = 3;
/** Messages of a kind to one number in a day: each costs money, and annoys a stranger who gets them. */
export const SMS_PER_RECIPIENT_DAY = 10;
/** The count of a day is kept until no clock of a node can be in it any more. */
export const SMS_DAY_KEPT_FOR = 2 * DAY;
/** A message that names no end of its own is not sent later than this: the code in it is of no use by then. */
export const SMS_LIFETIME = 10 * MINUTE;
