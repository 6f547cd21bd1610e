import { view } from '#kernel/views.ts';

/** A provider sent a user who did not come from a sign-in here. Nothing happens before the user goes on, and then the provider is asked. */
type LandingPage = {
  provider: string;
  /** The user, as the provider names them. */
  name: string;
  nextUrl: string;
};

const plain: LandingPage = {
  provider: 'Fernway',
  name: 'noor@fernway.example',
  nextUrl: '/account?connection=fernway',
};

export const landingView = view<LandingPage>('sign-in/federation/landing.njk', {
  samples: {
    plain,
    hostile: { ...plain, provider: '<script>alert(1)</script>', name: '"><b>@evil.example' },
    long: {
      ...plain,
      provider: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerk',
      name: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example`,
    },
  },
});
