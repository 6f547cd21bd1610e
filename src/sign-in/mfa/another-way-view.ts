import { view } from '#kernel/views.ts';
import { iconOf, type Way } from './offered-second-factors.ts';
import type { ShownAccount } from '#directory/users/module.ts';

type AnotherWayPage = {
  /** Where the form posts to: `method` is one of the ways. */
  action: string;
  account: ShownAccount;
  changeUrl: string;
  /** The one to offer first at the front; none where what the user confirmed cannot be used: then the page says who helps. */
  ways: readonly {
    way: Way;
    icon: string;
    /** Where a code would go, as far as it is shown; null where none is sent. */
    sentTo: string | null;
    /** Recovery codes that are left; null for the other ways. */
    left: number | null;
  }[];
  /** Whether an organization of the user can help. */
  isMember: boolean;
  backUrl: string;
};

const simple = (way: Way) => ({ way, icon: iconOf(way), sentTo: null, left: null });
const plain: AnotherWayPage = {
  action: '/interaction/4Tj2/second-factor/methods',
  account: { name: 'Noor', identifier: 'noor@fernway.example' },
  changeUrl: '/interaction/4Tj2/login',
  ways: [
    simple('passkey'),
    simple('totp'),
    { ...simple('sms'), sentTo: '+49 ••••• 820' },
    { ...simple('email'), sentTo: 'n•••@fernway.example' },
    { ...simple('recovery-code'), left: 7 },
  ],
  isMember: true,
  backUrl: '/interaction/4Tj2/second-factor',
};

export const anotherWayView = view<AnotherWayPage>('sign-in/mfa/another-way.njk', {
  samples: {
    plain,
    'of no organization': { ...plain, isMember: false },
    'no way': { ...plain, ways: [] },
    'no way, of no organization': { ...plain, ways: [], isMember: false },
    'one way': { ...plain, ways: [simple('totp')] },
    'one recovery code': { ...plain, ways: [simple('passkey'), { ...simple('recovery-code'), left: 1 }] },
    hostile: {
      ...plain,
      account: { name: null, identifier: '"><script>@x.example' },
      ways: [{ ...simple('email'), sentTo: '"><b>' }],
    },
    long: {
      ...plain,
      account: { name: null, identifier: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
    },
  },
});
