import { view } from '#kernel/views.ts';

type LogoutConfirmPage = {
  /** Where the form posts to; buttons `action=logout` and `action=stay`. */
  action: string;
  /** What the receiver of the form wants back as it was, by field name. */
  fields: Readonly<Record<string, string>>;
  /** Who is signed in, null when that is not to be told. */
  account: { name: string | null; email: string } | null;
  /** The app that asks. */
  client: { name: string } | null;
  /** How many other apps the person is signed in to in this browser. */
  otherApps: number;
};

const plain: LogoutConfirmPage = {
  action: '/oidc/logout/confirm',
  fields: { xsrf: 'b1946ac92492d234' },
  account: { name: 'Noor Haddad', email: 'noor@fernway.example' },
  client: { name: 'Tally' },
  otherApps: 2,
};

export const logoutConfirmView = view<LogoutConfirmPage>('logout/confirm.njk', {
  samples: {
    plain,
    'one other app': { ...plain, otherApps: 1 },
    'the app alone': { ...plain, otherApps: 0 },
    'no app asks': { ...plain, client: null },
    'one app that did not ask': { ...plain, client: null, otherApps: 1 },
    'nothing known': { ...plain, account: null, client: null, otherApps: 0 },
    hostile: {
      ...plain,
      client: { name: '<b>Tally</b>\u202E' },
      fields: { '"': '"><script>' },
      account: { name: '<i>', email: '"@x' },
    },
  },
});
