import { view } from '#kernel/views.ts';
import type { ShownAccount } from '#directory/users/module.ts';

type ConsentPage = {
  /** Where the form posts to; buttons `action=allow` and `action=deny`. */
  action: string;
  client: {
    name: string;
    /** Host of the redirect URI, null for an app on this device (a scheme of its own). */
    host: string | null;
    /** The app is on another device, to which no redirect leads (RFC 8628). */
    isElsewhere: boolean;
    /** As registered; an address that is not http(s) is not shown. */
    privacyUrl: string | null;
    termsUrl: string | null;
  };
  account: ShownAccount;
  /** The email address of the account, where it has one. */
  email: string | null;
  /** Where another account can be chosen. */
  switchUrl: string | null;
  scopes: readonly ConsentScope[];
  /** Single claims that no scope here covers, by name. */
  claims: readonly string[];
  /** The organization that the sign-in is for; null for none. */
  organization: { name: string } | null;
};

export type ConsentScope = {
  name: string;
  /** The registered description of the scope, if there is one. The scopes of OpenID Connect have our own. */
  description: string | null;
  /** Name of the API that the scope belongs to, null for a scope of OpenID Connect. */
  api: string | null;
};

const standard = (name: string): ConsentScope => ({ name, description: null, api: null });

const plain: ConsentPage = {
  action: '/interaction/4Tj2/consent',
  client: {
    name: 'Tally',
    host: 'app.tally.example',
    isElsewhere: false,
    privacyUrl: 'https://tally.example/privacy',
    termsUrl: 'https://tally.example/terms',
  },
  account: { name: 'Noor Haddad', identifier: 'noor@fernway.example' },
  email: 'noor@fernway.example',
  switchUrl: '/interaction/4Tj2/account',
  scopes: [
    standard('profile'),
    standard('email'),
    { name: 'invoices:write', description: 'Read and change your invoices', api: 'Fernway Studio' },
    standard('offline_access'),
  ],
  claims: [],
  organization: null,
};

export const consentView = view<ConsentPage>('sign-in/consent/consent.njk', {
  samples: {
    plain,
    'an app on this device, no more than who': {
      ...plain,
      client: { name: 'Tally CLI', host: null, isElsewhere: false, privacyUrl: null, termsUrl: null },
      switchUrl: null,
      scopes: [standard('openid')],
    },
    'for an organization': { ...plain, organization: { name: 'Fernway Studio' } },
    'an app on another device': {
      ...plain,
      client: { ...plain.client, name: 'Lantern TV', host: null, isElsewhere: true },
    },
    everything: {
      ...plain,
      client: { ...plain.client, termsUrl: null },
      scopes: ['openid', 'profile', 'email', 'phone', 'address', 'offline_access', 'unheard_of'].map(standard),
      claims: [
        'name',
        'given_name',
        'family_name',
        'middle_name',
        'nickname',
        'preferred_username',
        'profile',
        'picture',
        'website',
        'email',
        'email_verified',
        'gender',
        'birthdate',
        'zoneinfo',
        'locale',
        'phone_number',
        'phone_number_verified',
        'address',
        'updated_at',
        'shoe_size',
      ],
    },
    hostile: {
      ...plain,
      client: {
        name: '<img src=x onerror=alert(1)>\u202E',
        host: 'app.tally.example"><script>',
        isElsewhere: false,
        privacyUrl: 'javascript:alert(1)',
        termsUrl: 'https://tally.example/"onclick="alert(1)',
      },
      account: { name: '"><script>alert(1)</script>', identifier: 'a"b@x.example' },
      email: 'a"b@x.example',
      scopes: [
        { name: 'a.title', description: '<b>{client}</b>', api: '"><i>' },
        { name: 'profile', description: null, api: 'An API that calls its scope profile' },
        { name: '__proto__', description: null, api: null },
      ],
      claims: ['__proto__', '<script>'],
      organization: { name: '<img src=x onerror=alert(2)>' },
    },
    long: {
      ...plain,
      client: {
        ...plain.client,
        name: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft',
        host: `${'very-long-label-'.repeat(3)}.${'b'.repeat(60)}.example`,
      },
      account: { name: null, identifier: `${'a'.repeat(64)}@${'b'.repeat(63)}.example` },
      scopes: [{ name: `https://api.fernway.example/${'scope'.repeat(20)}`, description: null, api: null }],
      organization: {
        name: 'Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz '.repeat(2).slice(0, 100),
      },
    },
  },
});
