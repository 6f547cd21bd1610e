import { view } from '#kernel/views.ts';

type LogoutDonePage = {
  outcome: 'out' | 'stayed';
  /** The app that asked, with its registered home page. */
  client: { name: string; homeUrl: string | null } | null;
  /** Where one can sign in again without an app, null where there is no such place. */
  signInUrl: string | null;
};

export const logoutDoneView = view<LogoutDonePage>('logout/done.njk', {
  samples: {
    out: { outcome: 'out', client: null, signInUrl: null },
    'out, back to the app': {
      outcome: 'out',
      client: { name: 'Tally', homeUrl: 'https://tally.example/' },
      signInUrl: '/',
    },
    'out, sign in again': { outcome: 'out', client: { name: 'Tally', homeUrl: null }, signInUrl: '/demo' },
    stayed: { outcome: 'stayed', client: null, signInUrl: null },
    hostile: { outcome: 'stayed', client: { name: '<b>Tally</b>', homeUrl: 'javascript:alert(1)' }, signInUrl: null },
  },
});
