import { letter } from '#kernel/mail/letters.ts';
import { type Circumstances, sampleCircumstances, sampleUnseen } from '#directory/users/module.ts';
import type { FactorNotice } from './second-factors/second-factor-notice.ts';

/** A change of what a user proves themselves with. */
type FactorLetter = Circumstances & {
  kind: FactorNotice['kind'];
  /** Of the app, the passkey or the provider, where there is one. */
  name: string | null;
  /** Recovery codes that are left. */
  left: number | null;
  /** Why an operator did it. */
  reason: string | null;
  /** Where the owner sees and changes what they prove themselves with. */
  securityUrl: string;
};

const plain: FactorLetter = {
  ...sampleCircumstances,
  kind: 'totp_added',
  name: 'Work phone',
  left: null,
  reason: null,
  securityUrl: 'https://id.example.com/account/security',
};

export const factorLetter = letter<FactorLetter>('credentials/factor', {
  samples: {
    'app added': { ...plain, name: null },
    'app removed': { ...plain, kind: 'totp_removed' },
    'passkey added': { ...plain, kind: 'passkey_added', name: 'YubiKey 5' },
    'passkey of an unknown maker added': { ...plain, kind: 'passkey_added', name: null },
    'passkey removed': { ...plain, kind: 'passkey_removed', name: 'YubiKey 5' },
    'passkey refused': { ...plain, kind: 'passkey_flagged', name: 'YubiKey 5' },
    'account linked': { ...plain, kind: 'identity_linked', name: 'Google' },
    'account unlinked': { ...plain, kind: 'identity_unlinked', name: 'Google' },
    'recovery codes made': { ...plain, kind: 'recovery_codes_made', name: null },
    'recovery codes removed': { ...plain, kind: 'recovery_codes_removed', name: null },
    'recovery code used': { ...plain, kind: 'recovery_code_used', name: null, left: 7 },
    'last recovery code but one used': { ...plain, kind: 'recovery_code_used', name: null, left: 1 },
    'guessing stopped': { ...plain, kind: 'tries_used_up', name: null },
    'all taken away': {
      ...plain,
      kind: 'reset',
      name: null,
      reason: 'Lost phone, passport seen at the desk',
      ...sampleUnseen,
    },
    hostile: {
      ...plain,
      name: '<i onclick=alert(1)>\u202Eenohp</i>\nhttps://evil.example {code}',
      device: '"><img src=x>',
      reason: '<script>alert(1)</script>',
    },
  },
});
