import { view } from '#kernel/views.ts';

/** The page of a mailed link before it acts: mail programs open links too. */
type LinkPage = {
  /** Where the form posts to; null when the link is consumed, too old, or of another browser. Button: `action=confirm`. */
  action: string | null;
  /** The address that it proves; empty when the link is dead. */
  email: string;
  /** The way on from a dead link: back to the sign-in, or to the addresses of the account; null where this browser has neither. */
  next: { to: 'sign-in' | 'addresses'; url: string } | null;
};

const plain: LinkPage = { action: '/interaction/4Tj2/verify-email/link', email: 'noor@fernway.example', next: null };

export const linkView = view<LinkPage>('directory/contacts/link.njk', {
  samples: {
    plain,
    dead: { action: null, email: '', next: { to: 'sign-in', url: '/interaction/4Tj2' } },
    'dead, of the account': { action: null, email: '', next: { to: 'addresses', url: '/account/emails' } },
    'dead, in another browser': { action: null, email: '', next: null },
    hostile: { ...plain, email: '"><b>@evil.example' },
    long: { ...plain, email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});
