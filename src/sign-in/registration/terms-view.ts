import { view } from '#kernel/views.ts';

/** The terms have changed, or were never agreed to. */
type TermsPage = {
  /** Where the form posts to; buttons `action=allow` and `action=deny`. */
  action: string;
  client: { name: string };
  identifier: string;
  /** Agreed to an earlier version. */
  isChange: boolean;
};

const plain: TermsPage = {
  action: '/interaction/4Tj2/terms',
  client: { name: 'Tally' },
  identifier: 'noor@fernway.example',
  isChange: true,
};

export const termsView = view<TermsPage>('sign-in/registration/terms.njk', {
  samples: {
    plain,
    'for the first time': { ...plain, isChange: false },
    hostile: { ...plain, client: { name: '<script>alert(1)</script>' }, identifier: '"><b>@evil.example' },
    long: { ...plain, identifier: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});
