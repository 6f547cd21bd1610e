import { sampleRecoveryCodes } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';

export type RecoveryCodesPage = {
  /** Where the form posts to. Field: `saved`; button `action=continue`. */
  action: string;
  identifier: string;
  codes: readonly string[];
  madeAt: Date;
  /** The same as a text file. */
  downloadUrl: string;
  isUnsaved: boolean;
};

const plain: RecoveryCodesPage = {
  action: '/interaction/4Tj2/recovery-codes',
  identifier: 'noor@fernway.example',
  codes: sampleRecoveryCodes,
  madeAt: new Date('2026-11-22T10:31:00Z'),
  downloadUrl: '/interaction/4Tj2/recovery-codes.txt',
  isUnsaved: false,
};

export const recoveryCodesView = view<RecoveryCodesPage>('sign-in/mfa/recovery-codes.njk', {
  samples: {
    plain,
    'not said to be saved': { ...plain, isUnsaved: true },
    hostile: { ...plain, identifier: '"><img src=x onerror=alert(1)>@evil.example' },
  },
});
