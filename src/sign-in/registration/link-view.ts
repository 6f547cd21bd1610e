import { view } from '#kernel/views.ts';

/** Where the link of the mail leads in the browser in which the account was begun. */
type LinkPage = {
  /** Where the form posts to; button `action=continue`. Opening the link alone does nothing: programs that read mail do that. */
  action: string;
  client: { name: string } | null;
  email: string;
  /** The address of the form, for another email address. */
  changeUrl: string;
};

const plain: LinkPage = {
  action: '/interaction/4Tj2/create/link/q0E4Tj2mQ8xV',
  client: { name: 'Tally' },
  email: 'noor@fernway.example',
  changeUrl: '/interaction/4Tj2/create',
};

export const linkView = view<LinkPage>('sign-in/registration/link.njk', {
  samples: {
    plain,
    'without a client': { ...plain, client: null },
    hostile: { ...plain, client: { name: '<script>alert(1)</script>' }, email: '"><b>@evil.example' },
    long: { ...plain, email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});

/** Why nothing can be created here. Each says what can be done instead. */
export type StopPage = {
  reason:
    | 'closed'
    | 'invitation'
    /** The link was opened in another browser than the one in which the account was begun, or too late. */
    | 'elsewhere'
    /** A link that works no more. */
    | 'expired'
    | 'invitation_over'
    /** An account with this address exists; the reader has just verified the address. */
    | 'taken';
  /** Where to go on; null where we know no place. */
  nextUrl: string | null;
};

export const stopView = view<StopPage>('sign-in/registration/stop.njk', {
  samples: {
    closed: { reason: 'closed', nextUrl: '/interaction/4Tj2/login' },
    'for the invited': { reason: 'invitation', nextUrl: '/interaction/4Tj2/login' },
    elsewhere: { reason: 'elsewhere', nextUrl: null },
    expired: { reason: 'expired', nextUrl: '/interaction/4Tj2/create' },
    'an invitation that is over': { reason: 'invitation_over', nextUrl: '/account' },
    taken: { reason: 'taken', nextUrl: '/interaction/4Tj2/login' },
  },
});
