import type { ShownPasskey, TrustedDevice } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';
import type { ShownIdentity } from '../linked-accounts/linked-accounts.ts';
import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from '../account-frame.ts';

type SecurityPage = {
  frame: AccountFrame;
  /** Null where passkeys are switched off. */
  passkeys: readonly ShownPasskey[] | null;
  app: { name: string; addedAt: Date } | null;
  codes: { left: number; isFew: boolean; madeAt: Date } | null;
  /** Null for a user without a password. */
  passwordChangedAt: Date | null;
  /** The accounts at upstream providers; null where there are none and no provider is offered. */
  linked: readonly Pick<ShownIdentity, 'provider' | 'account'>[] | null;
  trusted: readonly (Pick<TrustedDevice, 'id' | 'expiresAt'> & {
    kind: 'computer' | 'phone';
    browser: string | null;
    system: string | null;
  })[];
  /** For the browser: which passkeys are still known here (JSON); null unless that has just changed. */
  accepted: string | null;
};

const day = new Date('2026-03-04T09:00:00Z');
const passkey: ShownPasskey = {
  id: 'psk_01kt0000000000000000000000',
  name: 'MacBook Air',
  authenticator: 'iCloud Keychain',
  isSecurityKey: false,
  verifiesUser: true,
  backup: 'synced',
  createdAt: day,
  lastUsedAt: day,
  state: 'active',
};

const plain: SecurityPage = {
  frame: sampleFrame,
  passkeys: [
    passkey,
    {
      ...passkey,
      id: 'psk_01kt0000000000000000000001',
      name: 'YubiKey 5C, on my keys',
      authenticator: 'YubiKey 5 Series',
      isSecurityKey: true,
      backup: 'device',
    },
  ],
  app: { name: '', addedAt: day },
  codes: { left: 8, isFew: false, madeAt: day },
  passwordChangedAt: day,
  linked: [
    { provider: { slug: 'google', name: 'Google', provider: 'google' }, account: 'noor@gmail.example' },
    { provider: { slug: 'ldap', name: 'ldap', provider: '' }, account: null },
  ],
  trusted: [
    { id: 'tdev_01kt0000000000000000000000', kind: 'computer', browser: 'Safari', system: 'macOS', expiresAt: day },
  ],
  accepted: null,
};

export const securityView = view<SecurityPage>('account/security/security.njk', {
  samples: {
    plain,
    'nothing yet': { ...plain, passkeys: [], app: null, codes: null, passwordChangedAt: null, linked: [], trusted: [] },
    'three linked accounts': {
      ...plain,
      linked: [
        ...plain.linked!,
        { provider: { slug: 'github', name: 'GitHub', provider: 'github' }, account: 'noor-haddad' },
      ],
    },
    'no passkeys and no providers here': { ...plain, passkeys: null, linked: null },
    'few codes, keys without names': {
      ...plain,
      frame: { ...sampleFrame, done: 'removed' },
      passkeys: [
        { ...passkey, name: null, backup: 'syncable', lastUsedAt: null, state: 'model_not_allowed' },
        {
          ...passkey,
          id: 'psk_01kt0000000000000000000001',
          name: null,
          authenticator: null,
          isSecurityKey: true,
          backup: 'device',
          state: 'stopped',
        },
      ],
      codes: { left: 2, isFew: true, madeAt: day },
      accepted: '{"rpId":"localhost","userId":"AA","allAcceptedCredentialIds":[]}',
    },
    hostile: {
      ...plain,
      frame: hostileFrame,
      passkeys: [{ ...passkey, name: '"><script>alert(1)</script>', authenticator: '<b>' }],
      app: { name: '<i>', addedAt: day },
      linked: [{ provider: { slug: 'x', name: '<script>', provider: 'oidc' }, account: '"><b>' }],
      trusted: [{ ...plain.trusted[0]!, browser: '<u>', system: '"><b>' }],
      accepted: '{"rpId":"\\"><script>"}',
    },
    long: {
      ...plain,
      frame: longFrame,
      passkeys: [
        { ...passkey, name: 'N'.repeat(64), authenticator: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerk' },
      ],
    },
  },
});
