import type { Way } from '#sign-in/interaction/module.ts';
import { view } from '#kernel/views.ts';
import type { ShownAccount } from '#directory/users/module.ts';

export type ChooserPage = {
  /** Where the form posts to: `account` is the `id` of one of the accounts, or `another`. */
  action: string;
  client: { name: string } | null;
  /** `way`: the method last used in this browser; null for the account that is signed in. */
  accounts: readonly (ShownAccount & { id: string; way: Way | null })[];
  /** How this browser forgets an account that is signed out. Field: `account`. */
  forgetAction: string;
  /** The address to sign all of them out; null without a session. */
  signOutUrl: string | null;
};

const plain: ChooserPage = {
  action: '/interaction/4Tj2/account',
  client: { name: 'Tally' },
  accounts: [
    { id: 'usr_1', name: 'Noor Haddad', identifier: 'noor@fernway.example', way: null },
    { id: 'usr_2', name: null, identifier: 'n.haddad@orchard.example', way: 'passkey' },
    { id: 'usr_3', name: 'Mina Haddad', identifier: 'mina@orchard.example', way: 'email-code' },
  ],
  forgetAction: '/interaction/4Tj2/account/forget',
  signOutUrl: '/oidc/logout',
};

export const chooserView = view<ChooserPage>('sign-in/login/chooser.njk', {
  samples: {
    plain,
    'one account, no client': { ...plain, client: null, accounts: plain.accounts.slice(0, 1) },
    'with a provider': { ...plain, accounts: [{ ...plain.accounts[1]!, way: 'federation' }] },
    'all signed out': { ...plain, accounts: plain.accounts.slice(1), signOutUrl: null },
    hostile: {
      ...plain,
      client: { name: '<script>alert(1)</script>' },
      accounts: [
        { id: '"><b>', name: '\u202E<b onclick=alert(1)>Noor</b>', identifier: '"@x.example', way: 'password' },
      ],
    },
    long: {
      ...plain,
      accounts: [
        {
          id: 'usr_1',
          name: 'Maximiliane Freifrau von und zu Wolkenstein-Trostburg-Hohenlohe',
          identifier: `${'a'.repeat(64)}@${'b'.repeat(63)}.example`,
          way: 'sms-code',
        },
        { id: 'usr_2', name: null, identifier: `${'c'.repeat(64)}@${'d'.repeat(63)}.example`, way: null },
      ],
    },
  },
});
