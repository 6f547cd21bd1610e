import { view } from '#kernel/views.ts';

type ChooserPage = {
  /** Where the form posts to: `account` is the `id` of one of the accounts, or `another`. */
  action: string;
  client: { name: string } | null;
  accounts: readonly { id: string; name: string | null; email: string; isSignedIn: boolean }[];
  /** The address to sign all of them out; null without a session. */
  signOutUrl: string | null;
};

const plain: ChooserPage = {
  action: '/interaction/4Tj2/account',
  client: { name: 'Tally' },
  accounts: [
    { id: 'usr_1', name: 'Noor Haddad', email: 'noor@fernway.example', isSignedIn: true },
    { id: 'usr_2', name: null, email: 'n.haddad@orchard.example', isSignedIn: false },
  ],
  signOutUrl: '/oidc/logout',
};

export const chooserView = view<ChooserPage>('sign-in/login/chooser.njk', {
  samples: {
    plain,
    'one account, no client': { ...plain, client: null, accounts: plain.accounts.slice(0, 1), signOutUrl: null },
    hostile: {
      ...plain,
      client: { name: '<script>alert(1)</script>' },
      accounts: [{ id: '"><b>', name: '\u202E<b onclick=alert(1)>Noor</b>', email: '"@x.example', isSignedIn: true }],
    },
    long: {
      ...plain,
      accounts: [
        {
          id: 'usr_1',
          name: 'Maximiliane Freifrau von und zu Wolkenstein-Trostburg-Hohenlohe',
          email: `${'a'.repeat(64)}@${'b'.repeat(63)}.example`,
          isSignedIn: true,
        },
        { id: 'usr_2', name: null, email: `${'c'.repeat(64)}@${'d'.repeat(63)}.example`, isSignedIn: false },
      ],
    },
  },
});
