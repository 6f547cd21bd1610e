import { view } from '#kernel/views.ts';

export type NotMePage = {
  /** Where the form posts to; button `action=confirm`. Null when the link is consumed or too old. */
  action: string | null;
  /** The address that becomes the first one again; null when it is, or stays as it is. */
  restores: string | null;
  /** The sign-in or other act that the mail told of. */
  act: {
    isSignIn: boolean;
    at: Date;
    browser: string | null;
    system: string | null;
    place: string | null;
    ip: string;
  } | null;
};

const plain: NotMePage = {
  action: '/not-me/confirm',
  restores: null,
  act: {
    isSignIn: true,
    at: new Date('2026-11-22T10:27:00Z'),
    browser: 'Firefox',
    system: 'Linux',
    place: 'Lisbon, Portugal',
    ip: '198.51.100.23',
  },
};

export const notMeView = view<NotMePage>('sign-in/risk/not-me.njk', {
  samples: {
    plain,
    'another act': { ...plain, act: { ...plain.act!, isSignIn: false } },
    'little known': { ...plain, act: { ...plain.act!, browser: null, system: null, place: null } },
    'the first address comes back': { ...plain, restores: 'noor.haddad@fernway.example' },
    'used up': { action: null, restores: null, act: null },
    hostile: {
      ...plain,
      restores: '"><b>@evil.example',
      act: { ...plain.act!, browser: '<b>"&', place: '"><img src=x onerror=alert(1)>' },
    },
  },
});

type LockedPage = Record<string, never>;

export const lockedView = view<LockedPage>('sign-in/risk/locked.njk', { samples: { plain: {} } });
