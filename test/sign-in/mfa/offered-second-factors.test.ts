import { describe, expect, test } from 'vitest';
import type { Factor } from '#credentials/module.ts';
import { type Way, waysOf } from '../../../src/sign-in/mfa/offered-second-factors.ts';

const all: readonly Factor[] = ['passkey', 'security-key', 'totp', 'sms', 'email', 'recovery-code'];
type Row = [
  title: string,
  turn: { factors?: readonly Factor[]; proved?: readonly Factor[]; needed?: 1 | 2 | 3 | null; asked?: 1 | 2 | 3 },
  order: readonly Way[],
  ways: readonly Way[],
];

describe('the ways that are open', () => {
  const rows: Row[] = [
    ['the strongest first', {}, [], ['passkey', 'totp', 'sms', 'email', 'recovery-code']],
    ['as the operator orders them', {}, ['totp', 'passkey'], ['totp', 'passkey', 'sms', 'email', 'recovery-code']],
    ['a passkey and a security key are one', { factors: ['passkey', 'security-key'] }, [], ['passkey']],
    ['none', { factors: [] }, [], []],
    ['no mailbox after the mailbox', { proved: ['email'] }, [], ['passkey', 'totp', 'sms', 'recovery-code']],
    ['no phone after the phone', { proved: ['sms'] }, [], ['passkey', 'totp', 'email', 'recovery-code']],
    ['nothing weaker where three is needed', { needed: 3 }, [], ['passkey']],
    ['nothing where three is needed and there is no key', { needed: 3, factors: ['totp', 'recovery-code'] }, [], []],
    [
      'what reaches the wish before what does not',
      { asked: 3 },
      ['totp', 'passkey'],
      ['passkey', 'totp', 'sms', 'email', 'recovery-code'],
    ],
    [
      'by the order where all reach the wish',
      { asked: 2, factors: ['passkey', 'totp'] },
      ['totp', 'passkey'],
      ['totp', 'passkey'],
    ],
    [
      'a passkey also where nothing was proved yet',
      { proved: [], needed: 2, factors: ['passkey', 'totp'] },
      [],
      ['passkey'],
    ],
    ['a key after the app, to reach three', { proved: ['password', 'totp'], needed: 3 }, [], ['passkey']],
  ];

  test.each(rows)('%s', (_title, { factors = all, proved = ['password'], needed = 2, asked }, order, ways) => {
    const turn = { factors, proved, needed, asked: asked === undefined ? null : { level: asked } };
    expect(waysOf(turn, order)).toEqual(ways);
  });
});
