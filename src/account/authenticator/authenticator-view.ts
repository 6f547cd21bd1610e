import { type QrCode, qrCode } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';
import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from '../account-frame.ts';

/** Fields: `code`, `name`; button `action=confirm`; to take the app that is there away: `action=remove`. */
export type AuthenticatorPage = {
  frame: AccountFrame;
  /** The one that another would take the place of. */
  app: { name: string; addedAt: Date } | null;
  qr: QrCode;
  /** `otpauth://…`, for an app on this device. */
  uri: string;
  /** In groups of four. */
  key: string;
  problem: 'required' | 'incomplete' | 'wrong' | 'expired' | 'last_factor' | null;
};

const uri = 'otpauth://totp/Latchkey:noor%40fernway.example?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Latchkey';

const plain: AuthenticatorPage = {
  frame: sampleFrame,
  app: null,
  qr: qrCode(uri),
  uri,
  key: 'JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP',
  problem: null,
};
const app = { name: '', addedAt: new Date('2026-03-04T09:00:00Z') };

export const authenticatorView = view<AuthenticatorPage>('account/authenticator/authenticator.njk', {
  samples: {
    plain,
    'in place of another': { ...plain, app },
    empty: { ...plain, problem: 'required' },
    incomplete: { ...plain, problem: 'incomplete' },
    wrong: { ...plain, problem: 'wrong' },
    expired: { ...plain, app, problem: 'expired' },
    'the last factor': { ...plain, app, problem: 'last_factor' },
    hostile: { ...plain, frame: hostileFrame, app: { ...app, name: '"><script>' } },
    long: { ...plain, frame: longFrame },
  },
});
