import type { ShownPasskey } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';
import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from '../account-frame.ts';

/** Field: `name`; buttons `action=continue` (name it) and, in a form of its own, `action=remove`. */
export type PasskeyPage = {
  frame: AccountFrame;
  passkey: Pick<ShownPasskey, 'id' | 'name' | 'authenticator' | 'backup' | 'createdAt' | 'lastUsedAt' | 'state'>;
  /** The reason why it cannot be removed: policy requires a second factor, or the user could no longer sign in. */
  problem: 'last_factor' | 'last_way' | null;
};

const day = new Date('2026-03-04T09:00:00Z');
const plain: PasskeyPage = {
  frame: sampleFrame,
  passkey: {
    id: 'psk_01kt0000000000000000000000',
    name: 'MacBook Air',
    authenticator: 'iCloud Keychain',
    backup: 'synced',
    createdAt: day,
    lastUsedAt: day,
    state: 'active',
  },
  problem: null,
};

export const passkeyView = view<PasskeyPage>('account/passkeys/passkey.njk', {
  samples: {
    plain,
    'without a name, stopped': {
      ...plain,
      passkey: { ...plain.passkey, name: null, authenticator: null, lastUsedAt: null, state: 'stopped' },
    },
    'a model that is not allowed': { ...plain, passkey: { ...plain.passkey, state: 'model_not_allowed' } },
    'the last second factor': { ...plain, problem: 'last_factor' },
    'the last way in': { ...plain, problem: 'last_way' },
    hostile: {
      ...plain,
      frame: hostileFrame,
      passkey: { ...plain.passkey, name: '"><script>alert(1)</script>', authenticator: '<b>' },
    },
    long: { ...plain, frame: longFrame, passkey: { ...plain.passkey, name: 'N'.repeat(64) } },
  },
});
