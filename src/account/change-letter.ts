import { letter } from '#kernel/mail/letters.ts';
import { type Circumstances, sampleCircumstances, sampleUnseen } from '#directory/users/module.ts';

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
export type ChangeLetter = Circumstances & {
  kind: (typeof changeKinds)[number];
  /** When the account goes, while it is being closed. */
  goesAt: Date | null;
  /** Where to go on; null when there is no account any more. */
  url: string | null;
};

const plain: ChangeLetter = {
  ...sampleCircumstances,
  kind: 'password_set',
  goesAt: null,
  url: 'https://id.example.com/account/security',
};

export const changeLetter = letter<ChangeLetter>('account/change', {
  samples: {
    'password set': plain,
    'password removed': { ...plain, kind: 'password_removed' },
    'username set': { ...plain, kind: 'username_set', url: 'https://id.example.com/account' },
    'username changed': { ...plain, kind: 'username_changed', url: 'https://id.example.com/account' },
    'username removed, by an operator': { ...plain, kind: 'username_removed', ...sampleUnseen },
    'data downloaded': { ...plain, kind: 'data_downloaded' },
    closing: {
      ...plain,
      kind: 'closing',
      goesAt: new Date('2026-12-06T10:31:00Z'),
      url: 'https://id.example.com/account',
    },
    reopened: { ...plain, kind: 'reopened' },
    'restored by an operator': { ...plain, kind: 'restored', ...sampleUnseen },
    closed: { ...plain, kind: 'closed', ...sampleUnseen, url: null },
    hostile: { ...plain, device: '"><img src=x>' },
  },
});
