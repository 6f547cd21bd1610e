import { letter } from '#kernel/mail/letters.ts';

/** The link that sets a new password. */
type ResetLetter = {
  email: string;
  url: string;
  /** How long it works, in seconds. */
  lifetime: number;
  /** After “this was not me” on the account page: no reset was requested, and all sessions ended. */
  isLocked: boolean;
};

const plainReset: ResetLetter = {
  email: 'noor@fernway.example',
  url: 'https://id.example.com/recovery/link/4Tj2mQ8xVb0cZk3yN7sLw5pRd1gHf6uAe9iXo2vKq0E',
  lifetime: 1800,
  isLocked: false,
};

export const resetLetter = letter<ResetLetter>('sign-in/recovery/reset', {
  samples: {
    plain: plainReset,
    'after a lock': { ...plainReset, isLocked: true },
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
type ChangedLetter = {
  email: string;
  at: Date;
  /** The browser and its system; null when nothing is known of it. */
  device: string | null;
  ip: string | null;
  /** The address of the recovery page, for a user who did not do this. */
  url: string;
};

const plainChanged: ChangedLetter = {
  email: 'noor@fernway.example',
  at: new Date('2026-11-22T10:31:00Z'),
  device: 'Firefox, Linux',
  ip: '192.0.2.7',
  url: 'https://id.example.com/recovery',
};

export const changedLetter = letter<ChangedLetter>('sign-in/recovery/changed', {
  samples: {
    plain: plainChanged,
    'unknown device': { ...plainChanged, device: null },
    'by an operator': { ...plainChanged, device: null, ip: null },
    hostile: { ...plainChanged, email: '"<script>x\u202e"@evil.example', device: '<script>alert(1)' },
  },
});
