import { view } from '#kernel/views.ts';

/** The page of the link in the mail. Opening it does not sign the user in. */
type LinkPage = {
  /**
   * `here`: in the browser that asked; the button signs in. `elsewhere`: in another one, where it never does.
   * `expired`: used before, too old, or never ours.
   */
  place: 'here' | 'elsewhere' | 'expired';
  /** The account of the link; null when expired. */
  email: string | null;
  /** The application of the sign-in; null if unknown. */
  client: string | null;
  /** Whether the mail holds a code to type in the other browser. */
  hasCode: boolean;
  /** Where the form posts to. Field: `remember`; button `action=continue`. Null unless the button is there. */
  action: string | null;
  /** The sign-in that waits in this browser, or where a new one begins. */
  backUrl: string | null;
};

const here: LinkPage = {
  place: 'here',
  email: 'noor@fernway.example',
  client: 'Tally',
  hasCode: true,
  action: '/interaction/4Tj2/email-link/q0E4Tj2mQ8xV',
  backUrl: '/interaction/4Tj2',
};
const elsewhere: LinkPage = { ...here, place: 'elsewhere', action: null, backUrl: null };
const expired: LinkPage = { ...elsewhere, place: 'expired', email: null, client: null };

export const linkView = view<LinkPage>('sign-in/passwordless/link.njk', {
  samples: {
    here,
    'in another browser': elsewhere,
    'in another browser, without a code': { ...elsewhere, hasCode: false },
    expired,
    'expired, a sign-in waits': { ...expired, backUrl: '/interaction/4Tj2' },
    hostile: { ...here, email: '"><script>alert(1)</script>@evil.example', client: '<b>\u202EyllaT</b> {client}' },
    long: { ...here, email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});
