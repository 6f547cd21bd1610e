import type { OtherWay } from '#sign-in/interaction/module.ts';
import { type Resent, resentSamples } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';

export type ForgotPage = {
  /** Where the form posts to. Field: `email`; button `action=continue`. */
  action: string;
  email: string;
  /** Whether a username is an answer too. */
  hasUsernames: boolean;
  /** The address of the sign-in; null outside of one. */
  backUrl: string | null;
  problem: 'required' | 'email' | 'work' | null;
  /** The challenge that the browser must solve first, during an attack. */
  challenge: string | null;
};

const plain: ForgotPage = {
  action: '/interaction/4Tj2/forgot',
  email: 'noor@fernway.example',
  hasUsernames: false,
  backUrl: '/interaction/4Tj2',
  problem: null,
  challenge: null,
};

export const forgotView = view<ForgotPage>('sign-in/recovery/forgot.njk', {
  samples: {
    plain,
    'outside of a sign-in': { ...plain, action: '/recovery', email: '', backUrl: null },
    empty: { ...plain, email: '', problem: 'required' },
    'no address': { ...plain, email: 'noor at fernway', problem: 'email' },
    'with usernames': { ...plain, hasUsernames: true, email: 'noor' },
    'with usernames, neither': { ...plain, hasUsernames: true, email: 'noor haddad', problem: 'email' },
    'under pressure': { ...plain, problem: 'work' },
    hostile: { ...plain, email: '"><script>alert(1)</script>@evil.example' },
    long: { ...plain, email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});

/** The same for every address, with or without an account. */
export type SentPage = {
  /** The typed address; null outside of a sign-in, where nothing is stored. */
  email: string | null;
  /** Where the form posts to that asks again. Field: `email`; button `action=resend`. */
  action: string;
  /** Back to the form for another address. */
  changeUrl: string;
  backUrl: string | null;
  otherWays: readonly OtherWay[];
  /** The answer to the button that asks again, once. */
  resent: Resent | null;
};

const sent: SentPage = {
  email: 'noor@fernway.example',
  action: '/interaction/4Tj2/forgot',
  changeUrl: '/interaction/4Tj2/forgot',
  backUrl: '/interaction/4Tj2',
  otherWays: [{ way: 'passkey', url: '/interaction/4Tj2/passkey' }],
  resent: null,
};

export const sentView = view<SentPage>('sign-in/recovery/sent.njk', {
  samples: {
    plain: sent,
    ...Object.fromEntries(Object.entries(resentSamples).map(([name, resent]) => [name, { ...sent, resent }])),
    'outside of a sign-in': { ...sent, email: null, changeUrl: '/recovery', backUrl: null, otherWays: [] },
    hostile: { ...sent, email: '"><script>alert(1)</script>@evil.example' },
    long: { ...sent, email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});
