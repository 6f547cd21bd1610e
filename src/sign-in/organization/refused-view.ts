import { view } from '#kernel/views.ts';
import type { ShownAccount } from '#directory/users/module.ts';

type RefusedPage = {
  /** Where the form posts to; buttons `action=ask` and `action=leave`. */
  action: string;
  client: { name: string };
  account: ShownAccount;
  /** Where another account can be chosen. */
  switchUrl: string;
  /** The application named an organization; its name is not shown to users who are not its members. */
  isNamed: boolean;
  /** The organization that the email address of the user lets them ask to join; null without one. */
  offer: { name: string; isAsked: boolean } | null;
};

const plain: RefusedPage = {
  action: '/interaction/4Tj2/organization',
  client: { name: 'Tally' },
  account: { name: 'Noor Haddad', identifier: 'noor@fernway.example' },
  switchUrl: '/interaction/4Tj2/account',
  isNamed: true,
  offer: null,
};

export const refusedView = view<RefusedPage>('sign-in/organization/refused.njk', {
  samples: {
    plain,
    'no organization': { ...plain, isNamed: false },
    'may ask to join': { ...plain, isNamed: false, offer: { name: 'Fernway Studio', isAsked: false } },
    'asked to join': { ...plain, offer: { name: 'Fernway Studio', isAsked: true } },
    hostile: {
      ...plain,
      client: { name: '<img src=x onerror=alert(1)>\u202E' },
      account: { name: '"><script>alert(1)</script>', identifier: 'a"b@x.example' },
      offer: { name: '<b onclick=alert(1)>{client}</b>', isAsked: false },
    },
    long: {
      ...plain,
      client: { name: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft' },
      account: { name: null, identifier: `${'a'.repeat(64)}@${'b'.repeat(63)}.example` },
      offer: { name: 'x'.repeat(120), isAsked: true },
    },
  },
});
