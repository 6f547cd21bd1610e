import { view } from '#kernel/views.ts';

export type RecoveryCodesPage = {
  /** Where the form posts to. Field: `saved`; button `action=continue`. */
  action: string;
  email: string;
  codes: readonly string[];
  madeAt: Date;
  /** The same as a text file. */
  downloadUrl: string;
  isUnsaved: boolean;
};

const plain: RecoveryCodesPage = {
  action: '/interaction/4Tj2/recovery-codes',
  email: 'noor@fernway.example',
  codes: [
    'k7mv2-qxhr4-tdw9p',
    'c3h8z-nbfy7-v2gs6',
    'jkrc9-pw4mt-xy3hd',
    '8vqnt-6bk5z-rgf4x',
    'j7csw-m2qn9-hdpw8',
    'rv3ty-k5x2b-9mzqd',
    'p4w7h-t1c8n-fk6vs',
    '2gz5r-d9xjm-b3qy8',
    'n6tfk-4hw2p-vc7zs',
    'x1m9d-q8rbg-5jt3y',
  ],
  madeAt: new Date('2026-11-22T10:31:00Z'),
  downloadUrl: '/interaction/4Tj2/recovery-codes.txt',
  isUnsaved: false,
};

export const recoveryCodesView = view<RecoveryCodesPage>('mfa/recovery-codes.njk', {
  samples: {
    plain,
    'not said to be saved': { ...plain, isUnsaved: true },
    hostile: { ...plain, email: '"><img src=x onerror=alert(1)>@evil.example' },
  },
});
