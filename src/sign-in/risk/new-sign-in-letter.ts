import { letter } from '#kernel/mail/letters.ts';

type NewSignInLetter = {
  /** Null where the browser does not say. */
  browser: string | null;
  system: string | null;
  place: string | null;
  ip: string;
  at: Date;
  email: string;
  /** Ends it. */
  url: string;
};

const plain: NewSignInLetter = {
  browser: 'Firefox',
  system: 'Linux',
  place: 'Lisbon, Portugal',
  ip: '198.51.100.23',
  at: new Date('2026-11-22T10:27:00Z'),
  email: 'noor.haddad@fernway.example',
  url: 'https://id.fernway.example/not-me?token=q7Xr1m0b2ZkVn4c8Yt5uWd3eFh6JpLsA9gKiTxOyEbM',
};

export const newSignInLetter = letter<NewSignInLetter>('sign-in/risk/new-sign-in', {
  samples: {
    plain,
    'nothing known': { ...plain, browser: null, system: null, place: null },
    hostile: { ...plain, browser: '<i>"&', system: '<img src=x>', place: '<script>alert(1)</script>' },
  },
});
