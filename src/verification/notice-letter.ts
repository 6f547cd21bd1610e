import { letter } from '#kernel/mail/letters.ts';

const noticeKinds = ['email_added', 'email_removed', 'phone_added', 'phone_removed', 'phone_changed'] as const;

/** What happened to somebody's further addresses and numbers. */
export type NoticeLetter = {
  kind: (typeof noticeKinds)[number];
  /** The address or number. */
  value: string;
  at: Date;
  /** `Firefox, Linux`; null where it does not say. */
  device: string | null;
  ip: string | null;
  /** Until when an earlier mail can take back that this address lost the first place; null when none can. */
  undoableUntil: Date | null;
  accountUrl: string;
};

const plain: NoticeLetter = {
  kind: 'email_added',
  value: 'noor@orchard.example',
  at: new Date('2026-11-22T10:31:00Z'),
  device: 'Firefox, Linux',
  ip: '192.0.2.7',
  undoableUntil: null,
  accountUrl: 'https://id.example.com/account/emails',
};

export const noticeLetter = letter<NoticeLetter>('verification/notice', {
  samples: {
    'address added': plain,
    'address removed': { ...plain, kind: 'email_removed', device: null, ip: null },
    'former first address removed': {
      ...plain,
      kind: 'email_removed',
      undoableUntil: new Date('2026-11-25T10:31:00Z'),
    },
    'number added': { ...plain, kind: 'phone_added', value: '+12025550123' },
    'number removed': { ...plain, kind: 'phone_removed', value: '+12025550123' },
    'first number changed': { ...plain, kind: 'phone_changed', value: '+12025550123' },
    hostile: { ...plain, value: '"><i onclick=alert(1)>@evil.example', device: '<img src=x onerror=alert(1)>\u202E' },
  },
});
