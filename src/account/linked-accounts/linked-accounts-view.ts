import { view } from '#kernel/views.ts';
import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from '../account-frame.ts';
import type { ShownIdentity } from './linked-accounts.ts';

export type LinkedAccountsPage = {
  frame: AccountFrame;
  linked: readonly ShownIdentity[];
  /** The providers whose accounts can be linked; each has a button `connection`. */
  offered: readonly ShownIdentity['provider'][];
  problem:
    | { kind: 'taken' | 'cancelled' | 'unreachable' | 'refused'; provider: string }
    /** Nothing else signs this user in. */
    | { kind: 'last_way' }
    | null;
};

const day = new Date('2026-03-04T09:00:00Z');
const google = { slug: 'google', name: 'Google', provider: 'google' };
const github = { slug: 'github', name: 'GitHub', provider: 'github' };

const plain: LinkedAccountsPage = {
  frame: sampleFrame,
  linked: [
    { id: 'q0E4Tj2mQ8xV', provider: google, account: 'noor@gmail.example', linkedAt: day, lastUsedAt: day },
    {
      id: 'q0E4Tj2mQ8xW',
      provider: { slug: 'ldap', name: 'ldap', provider: '' },
      account: null,
      linkedAt: day,
      lastUsedAt: null,
    },
  ],
  offered: [google, github, { slug: 'fernway', name: 'Fernway', provider: 'oidc' }],
  problem: null,
};

export const linkedAccountsView = view<LinkedAccountsPage>('account/linked-accounts/linked-accounts.njk', {
  samples: {
    plain,
    'nothing linked': { ...plain, linked: [] },
    'one linked': { ...plain, linked: [plain.linked[0]!] },
    'three linked': {
      ...plain,
      linked: [...plain.linked, { ...plain.linked[0]!, id: 'q0E4Tj2mQ8xX', provider: github, account: 'noor-haddad' }],
    },
    'nothing offered': { ...plain, offered: [] },
    'linked just now': { ...plain, frame: { ...sampleFrame, done: 'linked' } },
    taken: { ...plain, problem: { kind: 'taken', provider: 'Google' } },
    cancelled: { ...plain, problem: { kind: 'cancelled', provider: 'Google' } },
    unreachable: { ...plain, problem: { kind: 'unreachable', provider: 'Google' } },
    refused: { ...plain, problem: { kind: 'refused', provider: 'Google' } },
    'the last way in': { ...plain, problem: { kind: 'last_way' } },
    hostile: {
      ...plain,
      frame: hostileFrame,
      linked: [{ ...plain.linked[0]!, provider: { ...google, name: '"><script>' }, account: '<b>\u202E' }],
      offered: [{ slug: 'evil', name: '"><script>alert(1)</script>', provider: 'oidc' }],
      problem: { kind: 'taken', provider: '<i>' },
    },
    long: {
      ...plain,
      frame: longFrame,
      linked: [{ ...plain.linked[0]!, account: `${'a'.repeat(64)}@${'b'.repeat(63)}.example` }],
    },
  },
});
