import { type QrCode, qrCode } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';

export type TotpPage = {
  /** Where the form posts to. Field: `code`; buttons `action=confirm` and, where it may be put off, `action=skip`. */
  action: string;
  identifier: string;
  qr: QrCode;
  /** `otpauth://…`, for an app on this device. */
  uri: string;
  /** In groups of four. */
  key: string;
  mayBePutOff: boolean;
  /** The page where another factor can be chosen; null when there is no other. */
  chooseUrl: string | null;
  problem: { kind: 'required' | 'incomplete' | 'wrong' | 'expired' } | null;
};

const uri = 'otpauth://totp/Latchkey:noor%40fernway.example?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Latchkey';

const plain: TotpPage = {
  action: '/interaction/4Tj2/enrol-factor/totp',
  identifier: 'noor@fernway.example',
  qr: qrCode(uri),
  uri,
  key: 'JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP',
  mayBePutOff: false,
  chooseUrl: '/interaction/4Tj2/enrol-factor',
  problem: null,
};

export const totpView = view<TotpPage>('sign-in/mfa/totp.njk', {
  samples: {
    plain,
    'may be put off, nothing else to choose': { ...plain, mayBePutOff: true, chooseUrl: null },
    empty: { ...plain, problem: { kind: 'required' } },
    incomplete: { ...plain, problem: { kind: 'incomplete' } },
    wrong: { ...plain, problem: { kind: 'wrong' } },
    expired: { ...plain, problem: { kind: 'expired' } },
    hostile: { ...plain, identifier: '"><img src=x onerror=alert(1)>@evil.example' },
    long: { ...plain, identifier: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});
