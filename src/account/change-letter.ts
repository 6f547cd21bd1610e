import { letter } from '#kernel/mail/letters.ts';

const changeKinds = [
  'password_set',
  'password_removed',
  'username_set',
  'username_changed',
  'username_removed',
  'data_downloaded',
  'closing',
  'reopened',
  'restored',
  'closed',
] as const;

/** The change of the account. */
export type ChangeLetter = {
  kind: (typeof changeKinds)[number];
  at: Date;
  /** When the account goes, while it is being closed. */
  goesAt: Date | null;
  /** `Firefox, Linux`; null where no browser was involved, or it does not say. */
  device: string | null;
  ip: string | null;
  /** Where to go on; null when there is no account any more. */
  url: string | null;
};

const plain: ChangeLetter = {
  kind: 'password_set',
  at: new Date('2026-11-22T10:31:00Z'),
  goesAt: null,
  device: 'Firefox, Linux',
  ip: '192.0.2.7',
  url: 'https://id.example.com/account/security',
};

export const changeLetter = letter<ChangeLetter>('account/change', {
  samples: {
    'password set': plain,
    'password removed': { ...plain, kind: 'password_removed' },
    'username set': { ...plain, kind: 'username_set', url: 'https://id.example.com/account' },
    'username changed': { ...plain, kind: 'username_changed', url: 'https://id.example.com/account' },
    'username removed, by an operator': { ...plain, kind: 'username_removed', device: null, ip: null },
    'data downloaded': { ...plain, kind: 'data_downloaded' },
    closing: {
      ...plain,
      kind: 'closing',
      goesAt: new Date('2026-12-06T10:31:00Z'),
      url: 'https://id.example.com/account',
    },
    reopened: { ...plain, kind: 'reopened' },
    'restored by an operator': { ...plain, kind: 'restored', device: null, ip: null },
    closed: { ...plain, kind: 'closed', device: null, ip: null, url: null },
    hostile: { ...plain, device: '"><img src=x>' },
  },
});
