import { view } from '#kernel/views.ts';
import type { ShownAccount } from '#directory/users/module.ts';

type ChoosePage = {
  /** Where the form posts to; `organization` is the id of one of them. */
  action: string;
  client: { name: string };
  account: ShownAccount;
  /** Where another account can be chosen. */
  switchUrl: string;
  /** By name. `isLast`: chosen the last time at this client. */
  organizations: readonly { id: string; name: string; slug: string; isLast: boolean }[];
};

const plain: ChoosePage = {
  action: '/interaction/4Tj2/organization',
  client: { name: 'Tally' },
  account: { name: 'Noor Haddad', identifier: 'noor@fernway.example' },
  switchUrl: '/interaction/4Tj2/account',
  organizations: [
    { id: 'org_1', name: 'Fernway Studio', slug: 'fernway', isLast: false },
    { id: 'org_2', name: 'Lumen & Moss Architects, Rotterdam office', slug: 'lumen-moss', isLast: true },
    { id: 'org_3', name: 'Orchard Cooperative', slug: 'orchard', isLast: false },
  ],
};

export const chooseView = view<ChoosePage>('sign-in/organization/choose.njk', {
  samples: {
    plain,
    many: {
      ...plain,
      organizations: Array.from({ length: 30 }, (_, at) => ({
        id: `org_${at}`,
        name: at % 3 === 0 ? 'W'.repeat(64) : `Fernway ${at + 1}`,
        slug: at % 3 === 0 ? 'w'.repeat(63) : `fernway-${at + 1}`,
        isLast: at === 0,
      })),
    },
    hostile: {
      ...plain,
      client: { name: '<script>alert(1)</script>' },
      account: { name: '"><b>', identifier: 'a"b@x.example' },
      organizations: [
        { id: '"><b>', name: '\u202E<b onclick=alert(1)>Acme</b>', slug: '"onclick="alert(1)', isLast: true },
      ],
    },
    long: {
      ...plain,
      account: { name: null, identifier: `${'a'.repeat(64)}@${'b'.repeat(63)}.example` },
      organizations: [
        {
          id: 'org_1',
          name: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft',
          slug: 'a'.repeat(63),
          isLast: true,
        },
      ],
    },
  },
});
