import { view } from '#kernel/views.ts';
import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from '../account-frame.ts';

export type ShownApp = {
  id: string;
  name: string;
  /** As registered; an address that is not http(s) is not shown. */
  homeUrl: string | null;
  since: Date;
  scopes: readonly { name: string; description: string | null; api: string | null }[];
  /** It learns that the user belongs to these, and the roles there. */
  organizations: readonly { name: string }[];
};

/** An application that the user opens from here; `path` is ours. */
export type LaunchableApp = { name: string; path: string };

/** Field: `app`; button `action=remove`. */
type AppsPage = { frame: AccountFrame; apps: readonly ShownApp[]; launchable: readonly LaunchableApp[] };

const standard = (name: string) => ({ name, description: null, api: null });
const tally: ShownApp = {
  id: 'tally-web',
  name: 'Tally',
  homeUrl: 'https://tally.example/',
  since: new Date('2026-03-04T09:00:00Z'),
  scopes: [
    standard('profile'),
    standard('email'),
    { name: 'invoices:write', description: 'Read and change your invoices', api: 'Fernway Studio' },
    standard('offline_access'),
  ],
  organizations: [{ name: 'Fernway Studio' }, { name: 'Acme' }],
};
const plain: AppsPage = {
  frame: sampleFrame,
  launchable: [],
  apps: [
    tally,
    { ...tally, id: 'cli', name: 'Tally CLI', homeUrl: null, scopes: [standard('openid')], organizations: [] },
  ],
};

export const appsView = view<AppsPage>('account/apps/apps.njk', {
  samples: {
    plain,
    none: { ...plain, apps: [] },
    'with applications to open': {
      ...plain,
      launchable: [
        { name: 'Salesforce', path: '/saml/applications/salesforce/launch' },
        { name: 'Wiki', path: '/saml/applications/wiki/launch' },
      ],
    },
    hostile: {
      ...plain,
      launchable: [{ name: '<b>Wiki</b>\u202E', path: '/saml/applications/wiki/launch' }],
      frame: hostileFrame,
      apps: [
        {
          ...tally,
          id: '"><b>',
          name: '<img src=x onerror=alert(1)>\u202E',
          homeUrl: 'javascript:alert(1)',
          scopes: [{ name: 'a.title', description: '<b>{client}</b>', api: '"><i>' }, standard('__proto__')],
          organizations: [{ name: '"><script>alert(1)</script>' }],
        },
      ],
    },
    long: {
      ...plain,
      frame: longFrame,
      apps: [
        {
          ...tally,
          organizations: [{ name: 'N'.repeat(128) }],
          name: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft',
        },
      ],
    },
  },
});
