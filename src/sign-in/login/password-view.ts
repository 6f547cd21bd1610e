import { againSamples, type OtherWay, rememberedWho, unknownWho, type WhoShown } from '#sign-in/interaction/module.ts';
import { view } from '#kernel/views.ts';

export type PasswordPage = WhoShown & {
  /** Where the form posts to. Fields: `email`, `password`, `remember`; button `action=continue`. */
  action: string;
  /** The typed email address, with or without an account. */
  email: string;
  /** The box "Keep me signed in" as it was left; null where an earlier page had it. */
  remember: boolean | null;
  /** This page again, for when the pause is over. */
  retryUrl: string;
  /** For who has forgotten it. */
  forgotUrl: string;
  /** For who has no account yet, whatever address was typed; null where none can be made. */
  createUrl: string | null;
  /** The other ways to begin a sign-in. */
  otherWays: readonly OtherWay[];
  problem: PasswordProblem | null;
  /** The challenge that the browser must solve first, during an attack. */
  challenge: string | null;
};

type PasswordProblem =
  | { kind: 'required' }
  /** Also when there is no such account: the page must not tell. */
  | { kind: 'wrong' }
  | { kind: 'throttled'; until: Date; waitSeconds: number }
  /** The browser has not solved what it was asked. */
  | { kind: 'work' }
  /** The queue for checking passwords is full. */
  | { kind: 'unavailable' };

const plain: PasswordPage = {
  ...unknownWho,
  action: '/interaction/4Tj2/password',
  email: 'noor.haddad@fernway.example',
  remember: false,
  retryUrl: '/interaction/4Tj2/password',
  forgotUrl: '/interaction/4Tj2/forgot',
  createUrl: '/interaction/4Tj2/create',
  otherWays: [
    { way: 'passkey', url: '/interaction/4Tj2/passkey' },
    { way: 'email-code', url: '/interaction/4Tj2/email-code' },
  ],
  problem: null,
  challenge: null,
};

export const passwordView = view<PasswordPage>('sign-in/login/password.njk', {
  samples: {
    plain,
    remembered: { ...plain, ...rememberedWho, remember: true },
    'remembered, wrong': { ...plain, ...rememberedWho, remember: true, problem: { kind: 'wrong' } },
    ...Object.fromEntries(
      Object.entries(againSamples).map(([name, who]) => [name, { ...plain, ...who, createUrl: null, remember: null }]),
    ),
    'no other way': { ...plain, otherWays: [], createUrl: null },
    'asked before': { ...plain, remember: null },
    'another way': {
      ...plain,
      otherWays: [
        { way: 'sms-code', url: '/interaction/4Tj2/sms-code' },
        { way: 'federation', url: '/interaction/4Tj2/federation' },
      ],
    },
    empty: { ...plain, problem: { kind: 'required' } },
    wrong: { ...plain, remember: true, problem: { kind: 'wrong' } },
    'a username, wrong': { ...plain, email: 'noor', problem: { kind: 'wrong' } },
    'throttled for minutes': {
      ...plain,
      problem: { kind: 'throttled', until: new Date('2026-11-22T10:31:00Z'), waitSeconds: 227 },
    },
    'throttled for seconds': {
      ...plain,
      problem: { kind: 'throttled', until: new Date('2026-11-22T10:27:30Z'), waitSeconds: 30 },
    },
    'under pressure': {
      ...plain,
      problem: { kind: 'work' },
      challenge:
        '{"parameters":{"algorithm":"SHA-256","cost":1,"keyLength":32,"keyPrefix":"9f","nonce":"00112233","salt":"44556677"},"signature":"ab"}',
    },
    busy: { ...plain, problem: { kind: 'unavailable' } },
    hostile: { ...plain, email: '"><img src=x onerror=alert(1)>@evil.example', problem: { kind: 'wrong' } },
    long: { ...plain, email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});
