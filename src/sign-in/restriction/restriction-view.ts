import type { Refusal } from '#oidc/module.ts';
import type { Way } from '#sign-in/interaction/module.ts';
import { view } from '#kernel/views.ts';
import type { ShownAccount } from '#directory/users/module.ts';

type RestrictionPage = {
  /** Where the form posts to. Buttons: `method` with one of the ways, `action=continue` to try again, `action=leave`. */
  action: string;
  /** `network`: not from here. `way`: not begun in this way. */
  reason: Refusal;
  /** The ways that the organizations of the user take, the first one at the front; none where they have none in common. */
  ways: readonly Way[];
  account: ShownAccount;
  /** Where another user goes on. */
  changeUrl: string;
  client: { name: string };
};

const plain: RestrictionPage = {
  action: '/interaction/4Tj2/restriction',
  reason: 'network',
  ways: [],
  account: { name: 'Noor Haddad', identifier: 'noor@fernway.example' },
  changeUrl: '/interaction/4Tj2/login',
  client: { name: 'Fernway' },
};

export const restrictionView = view<RestrictionPage>('sign-in/restriction/restriction.njk', {
  samples: {
    plain,
    'another way': { ...plain, reason: 'way', ways: ['passkey', 'password', 'email-code', 'sms-code'] },
    'no way': { ...plain, reason: 'way' },
    hostile: {
      ...plain,
      account: { name: '"><script>alert(1)</script>', identifier: '"><b>@evil.example' },
      client: { name: '<img src=x onerror=alert(1)>' },
    },
    long: {
      ...plain,
      reason: 'way',
      ways: ['password'],
      account: { name: null, identifier: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
      client: { name: 'n'.repeat(120) },
    },
  },
});
