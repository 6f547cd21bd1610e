import { view } from '#kernel/views.ts';

/**
 * The state of a sign-in that is not open: `done`: this browser finished it. `expired`: its time is over. `ended`: this browser
 * began it, and an act ended it. `elsewhere`: another browser began it, or this one too long ago.
 */
export type GoneKind = 'done' | 'expired' | 'ended' | 'elsewhere';

type GonePage = {
  kind: GoneKind;
  /** Email address of the signed-in user of this browser; null without one. */
  signedInAs: string | null;
  /** Where the same request begins once more. */
  againUrl: string | null;
  /** The application, with a registered address of it. */
  app: { name: string; url: string | null } | null;
  /** Where the code of a device is entered; null when it was not about one. */
  deviceUrl: string | null;
  accountUrl: string;
};

const plain: GonePage = {
  kind: 'expired',
  signedInAs: null,
  againUrl: '/oidc/auth?client_id=tally-web',
  app: { name: 'Tally', url: 'https://tally.example/' },
  deviceUrl: null,
  accountUrl: '/account',
};

export const goneView = view<GonePage>('sign-in/interaction/gone.njk', {
  samples: {
    done: { ...plain, kind: 'done', signedInAs: 'noor@example.com', againUrl: null },
    'done, for an application without an address': {
      ...plain,
      kind: 'done',
      signedInAs: 'noor@example.com',
      againUrl: null,
      app: { name: 'Tally', url: null },
    },
    expired: plain,
    'expired, while signed in': { ...plain, signedInAs: 'noor@example.com' },
    'expired, for a device': { ...plain, againUrl: null, app: { name: 'TV', url: null }, deviceUrl: '/oidc/device' },
    ended: { ...plain, kind: 'ended', againUrl: null },
    'ended, with no way back': { ...plain, kind: 'ended', againUrl: null, app: null },
    elsewhere: { ...plain, kind: 'elsewhere', againUrl: null, app: null },
    'elsewhere, while signed in': {
      ...plain,
      kind: 'elsewhere',
      againUrl: null,
      app: null,
      signedInAs: 'noor@example.com',
    },
    hostile: {
      ...plain,
      signedInAs: '<script>alert(1)</script>@example.com',
      app: { name: '"><img src=x onerror=alert(1)>', url: 'javascript:alert(1)' },
    },
    long: {
      ...plain,
      kind: 'ended',
      againUrl: null,
      signedInAs: `${'a-very-long-name'.repeat(4)}@${'long'.repeat(12)}.example.com`,
      app: { name: 'A very long name of an application '.repeat(3), url: 'https://tally.example/' },
    },
  },
});
