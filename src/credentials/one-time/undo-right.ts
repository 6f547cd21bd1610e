import type { HeldEmail } from '#directory/users/module.ts';
import { secretLifetimes, type UndoPurpose } from './one-time-secret.ts';
import { INTRUDER_PREPARATION } from '../lifetimes.ts';

/**
 * An undo link, neither used nor expired. Pure functions here decide its remaining effect. The key is the address:
 * the time since which it is verified on the account shows whether the owner or an intruder received the link.
 */
export type UndoRight = {
  purpose: UndoPurpose;
  /** In canonical form, where it was mailed to. */
  address: string;
  issuedAt: Date;
  /** When happened what it undoes: a change of the primary email address, a sign-in. */
  at: Date;
  /** Since when the mailbox of its address has cleaned up: what was added later is not undone. */
  settledAt: Date | null;
};

/** A user proved a mailbox and cleaned up the account. */
export type CleanUp = {
  /** In canonical form, the address whose mailbox it was. */
  by: string;
  /** When the intrusion began that it ends. */
  began: Date;
  /** In canonical form, the addresses that may undo that they lost the first place. */
  holders: readonly string[];
  /** Of a link that was used: what was issued in this period goes with what it undid. */
  undid?: { from: Date; until: Date | null };
};

type Outcome = 'ends' | 'settles' | 'reopens';

/** As long as a change of the primary email address can be undone. */
const UNDO_WINDOW = secretLifetimes.revert_email;

/** A link whose address has left the account since, even for a moment, undoes nothing. */
export function isAlive(right: Pick<UndoRight, 'address' | 'issuedAt'>, held: readonly HeldEmail[]): boolean {
  return held.some(({ canonical, since }) => canonical === right.address && since <= right.issuedAt);
}

/**
 * Whether the address that loses the first place may undo that. While the change that brought it there can still be undone, the
 * one before it has the right, and it alone. Otherwise it must have been proven for longer than a change can be undone, or for as
 * long as the account exists.
 */
export function mayUndoChange(
  { canonical, since, isOriginal }: Pick<HeldEmail, 'canonical' | 'since' | 'isOriginal'>,
  open: readonly UndoRight[],
  now: Date,
): boolean {
  const holders = holdersOf(open);
  if (holders.length > 0) return holders.includes(canonical);
  return isOriginal || now.getTime() - since.getTime() > UNDO_WINDOW;
}

/** In canonical form, the addresses that may undo that they lost the first place. */
export const holdersOf = (open: readonly UndoRight[]): string[] =>
  open.filter(({ purpose }) => purpose === 'revert_email').map(({ address }) => address);

/**
 * When the intrusion began that a mailbox ends, where no sign-in was named: after the mailbox was proven, because it ends nothing that
 * was mailed to those who were there before. A additional address reaches back only as far as links undo anything: it may be
 * an old one that the owner of the primary email address has lost.
 */
export function beginOf(
  { since, canonical, place }: Pick<HeldEmail, 'since' | 'canonical' | 'place'>,
  holders: readonly string[],
  now: Date,
): Date {
  if (place === 'first' || holders.includes(canonical)) return since;
  return new Date(Math.max(since.getTime(), now.getTime() - UNDO_WINDOW));
}

/**
 * The effect of a clean-up on a link. It ends links to addresses that were added during the intrusion. Links to the same mailbox stay,
 * but spare later additions. Links to another, earlier mailbox, or to one that may undo a change, stay unchanged: the
 * intruder may be the user who cleans up.
 */
export function outcomeOf(
  right: UndoRight,
  held: readonly HeldEmail[],
  { by, began, holders, undid }: CleanUp,
): Outcome {
  if (!isAlive(right, held)) return 'ends';
  if (undid && right.issuedAt >= undid.from && (undid.until === null || right.issuedAt < undid.until)) return 'ends';
  if (right.address === by) return 'settles';
  if (holders.includes(right.address)) return 'reopens';
  return held.some(({ canonical, since }) => canonical === right.address && since > began) ? 'ends' : 'reopens';
}

/** Of what was added, what a link takes away. */
export function periodOf({ purpose, at, settledAt }: UndoRight): { since: Date; until: Date | null } {
  return { since: new Date(at.getTime() - (purpose === 'revert_email' ? INTRUDER_PREPARATION : 0)), until: settledAt };
}

/**
 * Whether a link puts its address first again. One that says "this was not me" does so when the address lost that place to one
 * that came after the sign-in, or has the right to undo the change.
 */
export function restoresFirst(right: UndoRight, held: readonly HeldEmail[], open: readonly UndoRight[]): boolean {
  const first = held.find(({ place }) => place === 'first');
  if (!first || first.canonical === right.address) return false;
  if (right.purpose === 'revert_email') return true;
  return (
    first.since > right.at ||
    open.some(({ purpose, address, at }) => purpose === 'revert_email' && address === right.address && at >= right.at)
  );
}
