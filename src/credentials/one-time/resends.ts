import { type Clock, fromNow, SECOND } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { limit, takeOrWait } from '#kernel/mail/quota.ts';
import type { Purpose } from './one-time-secret.ts';
import { MOST_RESENDS } from '../limits.ts';
import { RESEND_PAUSE, RESENDS_COUNTED_FOR } from '../lifetimes.ts';

/** The answer to "Send a new code", as its page shows it once. */
export type Resent =
  | { kind: 'sent'; at: Date; until: Date; waitSeconds: number }
  /** Pressed too soon after the last one, or as often as it may be in a quarter of an hour. */
  | { kind: 'too_soon' | 'no_more'; until: Date; waitSeconds: number };

/** The browser that asks again, by a secret of its own, and the address as it was typed there. */
export type AskedAgain = { purpose: Purpose; holds: string; to: string };

/**
 * Counts how often a browser asks again, before anything is sent. The answer depends on the acts of this browser alone, and not on the account:
 * limits over all browsers of an account are kept where codes are made, and never told.
 */
export async function takeResend(
  database: Pick<Database, 'transaction'>,
  clock: Clock,
  { purpose, holds, to }: AskedAgain,
): Promise<Resent> {
  const what = `resend ${purpose} ${sha256(holds).toString('base64url')} ${to.toLowerCase()}`;
  const limits = [limit(`${what} pause`, 1, RESEND_PAUSE), limit(`${what} quarter`, MOST_RESENDS, RESENDS_COUNTED_FOR)];
  const held = await database.transaction((em) => takeOrWait(em, clock, limits));
  if (held === null) return { kind: 'sent', at: clock.now(), ...waitUntil(clock, fromNow(clock, RESEND_PAUSE)) };
  return { kind: held.within === RESEND_PAUSE ? 'too_soon' : 'no_more', ...waitUntil(clock, held.until) };
}

/** For a page that may tell of a limit of the account. */
export const noMore = (clock: Clock): Resent => ({
  kind: 'no_more',
  ...waitUntil(clock, fromNow(clock, RESENDS_COUNTED_FOR)),
});

const waitUntil = (clock: Clock, until: Date) => ({
  until,
  waitSeconds: Math.max(1, Math.ceil((until.getTime() - clock.now().getTime()) / SECOND)),
});

/** Each answer, for the samples of pages with such a button. */
export const resentSamples: Readonly<Record<string, Resent>> = {
  'sent again': {
    kind: 'sent',
    at: new Date('2026-11-22T14:59:00Z'),
    until: new Date('2026-11-22T14:59:30Z'),
    waitSeconds: 30,
  },
  'asked too soon': { kind: 'too_soon', until: new Date('2026-11-22T14:59:30Z'), waitSeconds: 12 },
  'asked too often': { kind: 'no_more', until: new Date('2026-11-22T15:12:00Z'), waitSeconds: 780 },
};
