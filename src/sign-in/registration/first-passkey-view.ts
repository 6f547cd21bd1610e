import {
  type FieldRules,
  type NewPasskeyProblem,
  type NewPasswordProblem,
  newPasswordProblems,
  sampleRules,
} from '#credentials/module.ts';
import { view } from '#kernel/views.ts';

/** The page right after a registration with a passkey. */
type FirstPasskeyPage = {
  /** Where the form posts to. Fields: `credential`, `failure`, filled in by passkey.js; button `action=continue`. */
  action: string;
  identifier: string;
  /** The request to the authenticator as JSON. */
  options: string;
  /** Where a password can be chosen instead; null where there are none. */
  passwordUrl: string | null;
  /** Whether it can be left out: codes by mail do as well (`action=skip`). */
  canUseCodes: boolean;
  problem: FirstPasskeyProblem | null;
};

export type FirstPasskeyProblem = { kind: Exclude<NewPasskeyProblem, 'full'> };

const plain: FirstPasskeyPage = {
  action: '/interaction/4Tj2/first-passkey',
  identifier: 'noor@fernway.example',
  options: '{"challenge":"AAAA"}',
  passwordUrl: '/interaction/4Tj2/first-passkey/password',
  canUseCodes: true,
  problem: null,
};

export const firstPasskeyView = view<FirstPasskeyPage>('sign-in/registration/first-passkey.njk', {
  samples: {
    plain,
    'the only way': { ...plain, passwordUrl: null, canUseCodes: false },
    cancelled: { ...plain, problem: { kind: 'cancelled' } },
    'in a browser that cannot': { ...plain, problem: { kind: 'unsupported' } },
    hostile: {
      ...plain,
      identifier: '"><b>@evil.example',
      options: '{"user":{"name":"\\"><script>alert(1)</script>"}}',
    },
    long: { ...plain, identifier: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});

/** A password after all. */
type FirstPasswordPage = {
  /** Where the form posts to. Fields: `email`, `password`; button `action=continue`. */
  action: string;
  identifier: string;
  rules: FieldRules;
  problem: NewPasswordProblem | null;
  /** Back to the passkey. */
  passkeyUrl: string;
};

const password: FirstPasswordPage = {
  action: '/interaction/4Tj2/first-passkey/password',
  identifier: 'noor@fernway.example',
  rules: sampleRules,
  problem: null,
  passkeyUrl: '/interaction/4Tj2/first-passkey',
};

export const firstPasswordView = view<FirstPasswordPage>('sign-in/registration/first-password.njk', {
  samples: {
    plain: password,
    ...Object.fromEntries(
      Object.entries(newPasswordProblems).map(([name, problem]) => [name, { ...password, problem }]),
    ),
    hostile: { ...password, identifier: '"><b>@evil.example' },
    long: { ...password, identifier: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});
