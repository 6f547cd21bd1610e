import { letter } from '#kernel/mail/letters.ts';

/** Why there is no link that sets a new password. */
export type NoReset = 'disabled' | 'no_password' | 'unverified';
type NoResetLetter = { email: string; reason: NoReset };

const plain: NoResetLetter = { email: 'noor@fernway.example', reason: 'no_password' };

export const noResetLetter = letter<NoResetLetter>('recovery/no-reset', {
  samples: {
    'no password': plain,
    disabled: { ...plain, reason: 'disabled' },
    unverified: { ...plain, reason: 'unverified' },
    hostile: { ...plain, email: '"<script>x\u202e"@evil.example' },
  },
});
