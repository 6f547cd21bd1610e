import { type Resent, resentSamples } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';
import type { CodeWay } from './offered-second-factors.ts';
import type { ShownAccount } from '#directory/users/module.ts';

export type CodePage = {
  way: CodeWay;
  /** Where the form posts to. Fields: `code`, `remember`; button `action=continue`. */
  action: string;
  account: ShownAccount;
  /** The address for another user. */
  changeUrl: string;
  /** Where a code was sent, as far as it is shown; null where none is sent. */
  sentTo: string | null;
  /** Where the form for another code posts to; null where none is sent. */
  sendUrl: string | null;
  /** Null where it is no number. */
  digits: number | null;
  /** Days for which this browser can be trusted; 0 when it cannot. */
  trustDays: number;
  remember: boolean;
  /** The other ways; null when there are none. */
  anotherUrl: string | null;
  /** This page again, for when the pause is over. */
  retryUrl: string;
  problem: CodeProblem | null;
  /** The answer to the button that asks again, once. */
  resent: Resent | null;
};

type CodeProblem =
  | { kind: 'required' | 'incomplete' | 'wrong' | 'used-up' }
  /** Too many codes were sent. */
  | { kind: 'limited' }
  | { kind: 'throttled'; until: Date; waitSeconds: number }
  /** The server cannot check anything now. */
  | { kind: 'unavailable' };

const base = '/interaction/4Tj2/second-factor';
const plain: CodePage = {
  way: 'totp',
  action: `${base}/totp`,
  account: { name: null, identifier: 'noor@fernway.example' },
  changeUrl: '/interaction/4Tj2/login',
  sentTo: null,
  sendUrl: null,
  digits: 6,
  trustDays: 30,
  remember: false,
  anotherUrl: `${base}/methods`,
  retryUrl: `${base}/totp`,
  problem: null,
  resent: null,
};
const byMail: CodePage = {
  ...plain,
  way: 'email',
  action: `${base}/email/code`,
  sentTo: 'n•••@fernway.example',
  sendUrl: `${base}/email`,
  retryUrl: `${base}/email/code`,
};
const onPaper: CodePage = {
  ...plain,
  way: 'recovery-code',
  action: `${base}/recovery-code`,
  digits: null,
  trustDays: 0,
};

export const codeView = view<CodePage>('sign-in/mfa/code.njk', {
  samples: {
    ...Object.fromEntries(Object.entries(resentSamples).map(([name, resent]) => [name, { ...byMail, resent }])),
    plain,
    'eight digits, no trust, no other way': { ...plain, digits: 8, trustDays: 0, anotherUrl: null },
    empty: { ...plain, remember: true, problem: { kind: 'required' } },
    incomplete: { ...plain, problem: { kind: 'incomplete' } },
    wrong: { ...plain, problem: { kind: 'wrong' } },
    throttled: {
      ...plain,
      problem: { kind: 'throttled', until: new Date('2026-11-22T10:31:00Z'), waitSeconds: 840 },
    },
    'by mail': byMail,
    'by mail, empty': { ...byMail, problem: { kind: 'required' } },
    'by mail, wrong': { ...byMail, problem: { kind: 'wrong' } },
    'by mail, used up': { ...byMail, problem: { kind: 'used-up' } },
    'by mail, too many sent': { ...byMail, problem: { kind: 'limited' } },
    'by text message': {
      ...byMail,
      way: 'sms',
      action: `${base}/sms/code`,
      sentTo: '+49 ••••• 820',
      sendUrl: `${base}/sms`,
      trustDays: 1,
    },
    'by text message, empty': { ...byMail, way: 'sms', sentTo: '+49 ••••• 820', problem: { kind: 'required' } },
    'by text message, wrong': { ...byMail, way: 'sms', sentTo: '+49 ••••• 820', problem: { kind: 'wrong' } },
    'recovery code': onPaper,
    'recovery code, wrong': { ...onPaper, problem: { kind: 'wrong' } },
    'recovery code, incomplete': { ...onPaper, problem: { kind: 'incomplete' } },
    'recovery code, empty': { ...onPaper, problem: { kind: 'required' } },
    'recovery code, busy': { ...onPaper, problem: { kind: 'unavailable' } },
    hostile: {
      ...byMail,
      account: { name: '"><b>', identifier: '"><img src=x onerror=alert(1)>@evil.example' },
      sentTo: '"><i>',
    },
    long: {
      ...plain,
      account: {
        name: 'Maximiliane Freifrau von und zu Wolkenstein-Trostburg-Hohenlohe',
        identifier: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example`,
      },
    },
  },
});
