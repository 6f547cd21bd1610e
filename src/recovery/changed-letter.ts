import { letter } from '#kernel/mail/letters.ts';

/** The password is another one. */
type ChangedLetter = {
  email: string;
  at: Date;
  /** The browser and its system; null when nothing is known of it. */
  device: string | null;
  ip: string | null;
  /** Where a new password is asked for, for whoever did not do this. */
  url: string;
};

const plain: ChangedLetter = {
  email: 'noor@fernway.example',
  at: new Date('2026-11-22T10:31:00Z'),
  device: 'Firefox, Linux',
  ip: '192.0.2.7',
  url: 'https://id.example.com/recovery',
};

export const changedLetter = letter<ChangedLetter>('recovery/changed', {
  samples: {
    plain,
    'unknown device': { ...plain, device: null },
    'by an operator': { ...plain, device: null, ip: null },
    hostile: { ...plain, email: '"<script>x\u202e"@evil.example', device: '<script>alert(1)' },
  },
});
