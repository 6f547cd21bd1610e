import { view } from '#kernel/views.ts';

/** The page for the code of the mail. It looks the same for a free and for a taken address. */
export type CheckPage = {
  /** Where both forms post to. Field `code`; buttons `action=continue` and `action=resend`. */
  action: string;
  /** Where the mail went. */
  email: string;
  /** Back to the form, for another address. */
  changeUrl: string;
  /** A new mail was asked for just now. */
  isSentAgain: boolean;
  problem: CheckProblem | null;
};

type CheckProblem =
  | { kind: 'required' | 'wrong' }
  /** Too many wrong codes: a new one is needed. */
  | { kind: 'used_up' }
  /** Too many mails were asked for from here. */
  | { kind: 'throttled'; until: Date; waitSeconds: number };

const plain: CheckPage = {
  action: '/interaction/4Tj2/create/check',
  email: 'noor@fernway.example',
  changeUrl: '/interaction/4Tj2/create',
  isSentAgain: false,
  problem: null,
};

export const checkView = view<CheckPage>('sign-in/registration/check.njk', {
  samples: {
    plain,
    'sent again': { ...plain, isSentAgain: true },
    empty: { ...plain, problem: { kind: 'required' } },
    wrong: { ...plain, problem: { kind: 'wrong' } },
    'used up': { ...plain, problem: { kind: 'used_up' } },
    throttled: {
      ...plain,
      problem: { kind: 'throttled', until: new Date('2026-11-22T10:31:00Z'), waitSeconds: 2270 },
    },
    hostile: { ...plain, email: '"><img src=x onerror=alert(1)>@evil.example', problem: { kind: 'wrong' } },
    long: { ...plain, email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});
