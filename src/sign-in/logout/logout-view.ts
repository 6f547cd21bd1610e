import { view } from '#kernel/views.ts';
import type { ShownAccount } from '#directory/users/module.ts';

type LogoutConfirmPage = {
  /** Where the form posts to; buttons `action=logout` and `action=stay`. */
  action: string;
  /** Hidden fields that the receiver of the form needs unchanged, by name. */
  fields: Readonly<Record<string, string>>;
  /** The signed-in user; null if the page must not show it. */
  account: ShownAccount | null;
  /** The app that asks. */
  client: { name: string } | null;
  /** How many other apps the user is signed in to in this browser. */
  otherApps: number;
  /** The identity provider with which the session began, if the user can sign out there, too. */
  upstream: { slug: string; name: string } | null;
};

const plain: LogoutConfirmPage = {
  action: '/oidc/logout/confirm',
  fields: { xsrf: 'b1946ac92492d234' },
  account: { name: 'Noor Haddad', identifier: 'noor@fernway.example' },
  client: { name: 'Tally' },
  otherApps: 2,
  upstream: null,
};

export const logoutConfirmView = view<LogoutConfirmPage>('sign-in/logout/confirm.njk', {
  samples: {
    plain,
    'one other app': { ...plain, otherApps: 1 },
    'the app alone': { ...plain, otherApps: 0 },
    'also at the provider': { ...plain, upstream: { slug: 'google', name: 'Google' } },
    'no app asks': { ...plain, client: null },
    'one app that did not ask': { ...plain, client: null, otherApps: 1 },
    'nothing known': { ...plain, account: null, client: null, otherApps: 0 },
    hostile: {
      ...plain,
      client: { name: '<b>Tally</b>\u202E' },
      fields: { '"': '"><script>' },
      upstream: { slug: 'acme', name: '<b>Acme</b>\u202E' },
      account: { name: '<i>', identifier: '"@x' },
    },
  },
});

type LogoutDonePage = {
  outcome: 'out' | 'stayed';
  /** The app that asked, with its registered home page. */
  client: { name: string; homeUrl: string | null } | null;
  /** Where one can sign in again without an app, null where there is no such place. */
  signInUrl: string | null;
  /** The identity provider with which the session began, where no page before has offered to sign out there: a form. */
  upstream: { action: string; fields: Readonly<Record<string, string>>; name: string } | null;
};

const out: LogoutDonePage = { outcome: 'out', client: null, signInUrl: null, upstream: null };

export const logoutDoneView = view<LogoutDonePage>('sign-in/logout/done.njk', {
  samples: {
    out,
    'out, and the provider': {
      ...out,
      upstream: { action: '/federation/acme/sign-out', fields: { ticket: 'kept' }, name: 'Acme' },
    },
    'out, back to the app': {
      ...out,
      client: { name: 'Tally', homeUrl: 'https://tally.example/' },
      signInUrl: '/',
    },
    'out, sign in again': { ...out, client: { name: 'Tally', homeUrl: null }, signInUrl: '/demo' },
    stayed: { ...out, outcome: 'stayed' },
    hostile: {
      ...out,
      client: { name: '<b>Tally</b>', homeUrl: 'javascript:alert(1)' },
      upstream: { action: '/federation/evil/sign-out', fields: { '"': '"><script>' }, name: '<b>Acme</b>\u202E' },
    },
  },
});
