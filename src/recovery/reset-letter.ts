import { letter } from '#kernel/mail/letters.ts';

/** The link that sets a new password. */
type ResetLetter = {
  email: string;
  url: string;
  /** How long it works, in seconds. */
  lifetime: number;
  /** The account page says that it was somebody else: nothing was asked for, and everybody was signed out. */
  isLocked: boolean;
};

const plain: ResetLetter = {
  email: 'noor@fernway.example',
  url: 'https://id.example.com/recovery/link/4Tj2mQ8xVb0cZk3yN7sLw5pRd1gHf6uAe9iXo2vKq0E',
  lifetime: 1800,
  isLocked: false,
};

export const resetLetter = letter<ResetLetter>('recovery/reset', {
  samples: {
    plain,
    'after a lock': { ...plain, isLocked: true },
    hostile: { ...plain, email: '"<script>x\u202e"@evil.example' },
  },
});
