import { letter } from '#kernel/mail/letters.ts';

/** To the address that was the first one: what took its place, and the way back. */
type ChangedLetter = {
  to: string;
  at: Date;
  /** `Firefox, Linux`; null where it does not say. */
  device: string | null;
  ip: string | null;
  /** Null when this address has no right to take it back: it was the first one for a short time only. */
  revertUrl: string | null;
  /** Until when. */
  endsAt: Date;
};

const plain: ChangedLetter = {
  to: 'noor@orchard.example',
  at: new Date('2026-11-22T10:31:00Z'),
  device: 'Firefox, Linux',
  ip: '192.0.2.7',
  revertUrl: 'https://id.example.com/verification/revert?token=n7Qm3rVx0',
  endsAt: new Date('2026-11-25T10:31:00Z'),
};

export const changedLetter = letter<ChangedLetter>('verification/changed', {
  samples: {
    plain,
    'without a right to take it back': { ...plain, revertUrl: null },
    'from an unknown browser': { ...plain, device: null, ip: null },
    hostile: { ...plain, to: '"><i onclick=alert(1)>@evil.example', device: '<img src=x onerror=alert(1)>\u202E' },
  },
});
