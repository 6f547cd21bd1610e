import { type FieldRules, type NewPasswordProblem, newPasswordProblems, sampleRules } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';
import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from '../account-frame.ts';

type CurrentProblem =
  | { kind: 'required' | 'wrong' }
  | { kind: 'throttled'; until: Date; waitSeconds: number }
  | { kind: 'unavailable' };

/** Fields: `current` (who has a password), `password`; button `action=continue`. */
export type PasswordPage = {
  frame: AccountFrame;
  hasPassword: boolean;
  rules: FieldRules;
  /** With a passkey there is another way in, so that the password may go. */
  mayRemove: boolean;
  current: CurrentProblem | null;
  problem: NewPasswordProblem | null;
};

const plain: PasswordPage = {
  frame: sampleFrame,
  hasPassword: true,
  rules: sampleRules,
  mayRemove: false,
  current: null,
  problem: null,
};

export const passwordView = view<PasswordPage>('account/password/password.njk', {
  samples: {
    plain,
    'the first one': { ...plain, hasPassword: false },
    'may go': { ...plain, mayRemove: true, frame: { ...sampleFrame, isAgain: true } },
    'no current one': { ...plain, current: { kind: 'required' }, problem: { kind: 'required' } },
    'wrong current one': { ...plain, current: { kind: 'wrong' } },
    throttled: {
      ...plain,
      current: { kind: 'throttled', until: new Date('2026-11-22T10:31:00Z'), waitSeconds: 227 },
    },
    busy: { ...plain, current: { kind: 'unavailable' } },
    ...Object.fromEntries(
      Object.entries(newPasswordProblems).map(([title, problem]) => [title, { ...plain, problem }]),
    ),
    hostile: { ...plain, frame: hostileFrame },
    long: { ...plain, frame: longFrame },
  },
});
