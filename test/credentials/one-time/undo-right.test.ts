/** The acts that a mailed link may still undo, as a table: only the rules, without a database. */
import { describe, expect, test } from 'vitest';
import { DAY, HOUR } from '#kernel/clock.ts';
import type { HeldEmail } from '#directory/users/module.ts';
import {
  beginOf,
  type CleanUp,
  isAlive,
  mayUndoChange,
  outcomeOf,
  periodOf,
  restoresFirst,
  type UndoRight,
} from '../../../src/credentials/one-time/undo-right.ts';

const now = new Date('2026-11-29T12:00:00Z');
const ago = (milliseconds: number) => new Date(now.getTime() - milliseconds);
const held = (
  canonical: string,
  since: Date,
  place: HeldEmail['place'] = 'further',
  isOriginal = false,
): HeldEmail => ({
  value: canonical,
  canonical,
  since,
  place,
  isOriginal,
});
const right = (address: string, given: Partial<UndoRight> = {}): UndoRight => ({
  purpose: 'revert_email',
  address,
  issuedAt: ago(HOUR),
  at: ago(HOUR),
  settledAt: null,
  ...given,
});
/** The owner’s since long ago, the intruder’s since an hour. */
const owners = held('owner@x.example', ago(300 * DAY), 'further', true);
const thiefs = held('thief@x.example', ago(2 * HOUR), 'first');
const book = [thiefs, owners];

describe('a link is alive', () => {
  test.each<[string, boolean, HeldEmail[]]>([
    ['while its address is on the account', true, [owners]],
    ['while its address is kept from others', true, [{ ...owners, place: 'given_up' }]],
    ['not when its address has left', false, [thiefs]],
    ['not when its address left and came back', false, [{ ...owners, since: ago(1) }]],
  ])('%s', (_what, expected, addresses) => {
    expect(isAlive(right('owner@x.example'), addresses)).toBe(expected);
  });
});

describe('an address that stops being primary may undo the change', () => {
  const open = [right('owner@x.example')];
  test.each<[string, boolean, HeldEmail, UndoRight[]]>([
    ['when it is as old as the account', true, held('a@x.example', ago(HOUR), 'first', true), []],
    ['when it was proven for longer than three days', true, held('a@x.example', ago(3 * DAY + 1), 'first'), []],
    ['not when it was proven later', false, held('a@x.example', ago(3 * DAY), 'first'), []],
    ['not while the one before it may', false, held('old@x.example', ago(90 * DAY), 'first'), open],
    ['when it is that one itself, and came back', true, owners, open],
    [
      'when another may only say that a sign-in was not theirs',
      true,
      owners,
      [right('b@x.example', { purpose: 'end_sign_in' })],
    ],
  ])('%s', (_what, expected, address, rights) => {
    expect(mayUndoChange(address, rights, now)).toBe(expected);
  });
});

describe('the start of an intrusion that a mailbox ends', () => {
  const holders = ['holder@x.example'];
  test.each<[string, HeldEmail, Date]>([
    ['after the first address was proven', held('a@x.example', ago(300 * DAY), 'first'), ago(300 * DAY)],
    ['after the address was proven that may undo a change', held('holder@x.example', ago(300 * DAY)), ago(300 * DAY)],
    ['within three days for a further address', held('a@x.example', ago(300 * DAY)), ago(3 * DAY)],
    ['after a further address was proven', held('a@x.example', ago(HOUR)), ago(HOUR)],
  ])('%s', (_what, mailbox, began) => {
    expect(beginOf(mailbox, holders, now)).toEqual(began);
  });
});

describe('a clean-up', () => {
  const byOwner: CleanUp = { by: 'owner@x.example', began: ago(3 * DAY), holders: [] };
  const byThief: CleanUp = { ...byOwner, by: 'thief@x.example', began: thiefs.since };
  test.each<[string, string, UndoRight, CleanUp]>([
    ['by the owner ends what was mailed to the intruder', 'ends', right('thief@x.example'), byOwner],
    ['by the owner settles what was mailed to the owner', 'settles', right('owner@x.example'), byOwner],
    ['by the intruder leaves what was mailed to the owner whole', 'reopens', right('owner@x.example'), byThief],
    ['by the intruder settles what was mailed to the intruder', 'settles', right('thief@x.example'), byThief],
    ['ends what was mailed to an address that left', 'ends', right('gone@x.example'), byOwner],
    [
      'of a sign-in leaves what was mailed to an address of before it',
      'reopens',
      right('thief@x.example'),
      { ...byOwner, began: ago(HOUR) },
    ],
    [
      'by an older mailbox leaves what was mailed to an address that may undo a change',
      'reopens',
      right('thief@x.example'),
      { ...byOwner, holders: ['thief@x.example'] },
    ],
    [
      'of a change ends what was issued since, also of the same mailbox',
      'ends',
      right('owner@x.example'),
      { ...byOwner, undid: { from: ago(DAY), until: null } },
    ],
    [
      'of a change leaves what was issued after an earlier clean-up',
      'settles',
      right('owner@x.example'),
      { ...byOwner, undid: { from: ago(DAY), until: ago(2 * HOUR) } },
    ],
  ])('%s', (_what, outcome, given, cleanUp) => {
    expect(outcomeOf(given, book, cleanUp)).toBe(outcome);
  });
});

test('a link removes additions since the sign-in, or since three days before the change, until the clean-up', () => {
  const settledAt = ago(1);
  expect(periodOf(right('a', { purpose: 'end_sign_in', settledAt }))).toEqual({ since: ago(HOUR), until: settledAt });
  expect(periodOf(right('a'))).toEqual({ since: ago(3 * DAY + HOUR), until: null });
});

describe('“this was not me” makes its address primary again', () => {
  const notMe = right('owner@x.example', { purpose: 'end_sign_in', at: ago(3 * HOUR) });
  test.each<[string, boolean, HeldEmail[], UndoRight[]]>([
    ['when the first one came after the sign-in', true, book, []],
    ['not when it is the first one', false, [{ ...owners, place: 'first' }], []],
    ['not when the first one was there before', false, [{ ...thiefs, since: ago(DAY) }, owners], []],
    ['when it may undo the change besides', true, [{ ...thiefs, since: ago(DAY) }, owners], [right('owner@x.example')]],
    ['not when another may', false, [{ ...thiefs, since: ago(DAY) }, owners], [right('b@x.example')]],
  ])('%s', (_what, expected, addresses, open) => {
    expect(restoresFirst(notMe, addresses, open)).toBe(expected);
  });
});
