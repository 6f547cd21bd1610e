import { letter } from '#kernel/mail/letters.ts';
import { type Circumstances, sampleCircumstances, sampleUnseen } from '#directory/users/module.ts';

/**
 * The reason of the mail: a request on the page, the lock of the account after “this was not me” with the end of all sessions, or an
 * operator who helps.
 */
export type ResetOccasion = 'asked' | 'locked' | 'operator';

/** The link that sets a new password. */
type ResetLetter = {
  email: string;
  url: string;
  /** How long it works, in seconds. */
  lifetime: number;
  occasion: ResetOccasion;
  /** Whether the address was proved before: the first proof takes away all other credentials. */
  isProved: boolean;
};

const plainReset: ResetLetter = {
  email: 'noor@fernway.example',
  url: 'https://id.example.com/recovery/link/4Tj2mQ8xVb0cZk3yN7sLw5pRd1gHf6uAe9iXo2vKq0E',
  lifetime: 1800,
  occasion: 'asked',
  isProved: true,
};

export const resetLetter = letter<ResetLetter>('sign-in/recovery/reset', {
  samples: {
    plain: plainReset,
    'after a lock': { ...plainReset, occasion: 'locked' },
    'by an operator': { ...plainReset, occasion: 'operator' },
    'before the first proof': { ...plainReset, isProved: false },
    hostile: { ...plainReset, email: '"<script>x\u202e"@evil.example' },
  },
});

/** Why there is no link that sets a new password. */
export type NoReset = 'disabled' | 'no_password' | 'unverified';
type NoResetLetter = { email: string; reason: NoReset };

const plainNoReset: NoResetLetter = { email: 'noor@fernway.example', reason: 'no_password' };

export const noResetLetter = letter<NoResetLetter>('sign-in/recovery/no-reset', {
  samples: {
    'no password': plainNoReset,
    disabled: { ...plainNoReset, reason: 'disabled' },
    unverified: { ...plainNoReset, reason: 'unverified' },
    hostile: { ...plainNoReset, email: '"<script>x\u202e"@evil.example' },
  },
});

/** The password is another one. */
type ChangedLetter = Circumstances & {
  email: string;
  /** The address of the recovery page, for a user who did not do this. */
  url: string;
};

const plainChanged: ChangedLetter = {
  ...sampleCircumstances,
  email: 'noor@fernway.example',
  url: 'https://id.example.com/recovery',
};

export const changedLetter = letter<ChangedLetter>('sign-in/recovery/changed', {
  samples: {
    plain: plainChanged,
    'unknown device': { ...plainChanged, device: null },
    'by an operator': { ...plainChanged, ...sampleUnseen },
    hostile: { ...plainChanged, email: '"<script>x\u202e"@evil.example', device: '<script>alert(1)' },
  },
});
