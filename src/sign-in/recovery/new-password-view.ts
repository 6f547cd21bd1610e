import { type FieldRules, type NewPasswordProblem, newPasswordProblems, sampleRules } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';

export type NewPasswordPage = {
  /** Where the form posts to. Fields: `email`, `password`; button `action=continue`. */
  action: string;
  /** `forgotten`: by a link in a mail. `unproved`: so, and the first proof of the address. `demanded`: in a sign-in, because an operator says so. */
  reason: 'forgotten' | 'unproved' | 'demanded';
  /** The account of the password: the page names it, for a user who received another user's link. */
  identifier: string;
  rules: FieldRules;
  problem: NewPasswordProblem | null;
};

const plain: NewPasswordPage = {
  action: '/recovery/link/q0E4Tj2mQ8xV',
  reason: 'forgotten',
  identifier: 'noor@fernway.example',
  rules: sampleRules,
  problem: null,
};

export const newPasswordView = view<NewPasswordPage>('sign-in/recovery/new-password.njk', {
  samples: {
    plain,
    'before the first proof': { ...plain, reason: 'unproved' },
    demanded: { ...plain, action: '/interaction/4Tj2/new-password', reason: 'demanded' },
    ...Object.fromEntries(Object.entries(newPasswordProblems).map(([name, problem]) => [name, { ...plain, problem }])),
    hostile: { ...plain, identifier: '"><script>alert(1)</script>@evil.example' },
    long: { ...plain, identifier: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});

/** The result of the link. */
type ResetEndPage = {
  /** `expired`: used before, too old, or never ours. */
  outcome: 'done' | 'expired';
  /** To the sign-in that waits in this browser, or to a new link; null where there is nothing to go on with. */
  nextUrl: string | null;
};

export const resetEndView = view<ResetEndPage>('sign-in/recovery/end.njk', {
  samples: {
    done: { outcome: 'done', nextUrl: '/interaction/4Tj2' },
    'done, nothing waits': { outcome: 'done', nextUrl: null },
    expired: { outcome: 'expired', nextUrl: '/recovery' },
    'expired, nothing to do': { outcome: 'expired', nextUrl: null },
  },
});
