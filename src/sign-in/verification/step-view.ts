import { type Resent, resentSamples } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';

export type StepPage = {
  /** Where the form posts to. Fields: `code`; button `action=continue`. */
  action: string;
  /** Where the button posts to that sends a new code. */
  resendAction: string;
  /** Where the mail was sent. */
  email: string;
  problem: CodeProblem | null;
  /** The answer to the button that asks again, once. */
  resent: Resent | null;
};

export type CodeProblem = {
  /** `throttled`: too many tries. `limited`: too many mails. */
  kind: 'required' | 'incomplete' | 'wrong' | 'throttled' | 'limited';
};

const plain: StepPage = {
  action: '/interaction/4Tj2/verify-email',
  resendAction: '/interaction/4Tj2/verify-email/send',
  email: 'noor@fernway.example',
  problem: null,
  resent: null,
};

export const stepView = view<StepPage>('sign-in/verification/step.njk', {
  samples: {
    plain,
    ...Object.fromEntries(Object.entries(resentSamples).map(([name, resent]) => [name, { ...plain, resent }])),
    empty: { ...plain, problem: { kind: 'required' } },
    incomplete: { ...plain, problem: { kind: 'incomplete' } },
    wrong: { ...plain, problem: { kind: 'wrong' } },
    throttled: { ...plain, problem: { kind: 'throttled' } },
    limited: { ...plain, problem: { kind: 'limited' } },
    hostile: { ...plain, email: '"><b>@evil.example' },
    long: { ...plain, email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});
