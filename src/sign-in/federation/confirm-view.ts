import { view } from '#kernel/views.ts';

/** An account has the address of the identity: its user signs in to it once, and then both belong together. */
type ConfirmPage = {
  provider: string;
  email: string;
  /** Where the sign-in goes on. */
  nextUrl: string;
  /** Where another user begins again; the identity is not linked then. */
  changeUrl: string;
};

const plain: ConfirmPage = {
  provider: 'Google',
  email: 'noor@fernway.example',
  nextUrl: '/interaction/4Tj2',
  changeUrl: '/interaction/4Tj2/login',
};

export const confirmView = view<ConfirmPage>('sign-in/federation/confirm.njk', {
  samples: {
    plain,
    hostile: { ...plain, provider: '<script>alert(1)</script>', email: '"><b>@evil.example' },
    long: {
      ...plain,
      provider: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerk',
      email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example`,
    },
  },
});
