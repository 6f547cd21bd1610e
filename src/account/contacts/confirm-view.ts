import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from '../account-frame.ts';
import { type Resent, resentSamples } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';

/** Confirming an address or a number of the account. */
export type ConfirmPage = {
  frame: AccountFrame;
  /** `address`: one more. `change`: one that takes the place of the first. `phone`: a number. */
  what: 'address' | 'change' | 'phone';
  /** Where the forms post to. Fields: `code`; buttons `action=continue`, and `action=confirm` after a link. */
  action: string;
  backUrl: string;
  /** Where the code was sent, or what the link proves. */
  sentTo: string;
  /** The link was opened: no code is asked. */
  byLink: boolean;
  problem: { kind: 'required' | 'incomplete' | 'wrong' | 'throttled' } | null;
  /** The answer to the button `action=resend`, once. */
  resent: Resent | null;
};

const plain: ConfirmPage = {
  frame: sampleFrame,
  what: 'address',
  action: '/account/emails/confirm/address',
  backUrl: '/account/emails',
  sentTo: 'n.haddad@orchard.example',
  byLink: false,
  problem: null,
  resent: null,
};
const change: ConfirmPage = { ...plain, what: 'change', action: '/account/emails/confirm/change' };
const phone: ConfirmPage = {
  ...plain,
  what: 'phone',
  action: '/account/phones/confirm',
  backUrl: '/account/phones',
  sentTo: '+12025550123',
};

export const confirmView = view<ConfirmPage>('account/contacts/confirm.njk', {
  samples: {
    plain,
    'of a change': change,
    ...Object.fromEntries(Object.entries(resentSamples).map(([name, resent]) => [name, { ...phone, resent }])),
    'of a number': phone,
    'after the link': { ...plain, byLink: true },
    'of a change, after the link': { ...change, byLink: true },
    empty: { ...plain, problem: { kind: 'required' } },
    incomplete: { ...phone, problem: { kind: 'incomplete' } },
    wrong: { ...phone, problem: { kind: 'wrong' } },
    throttled: { ...change, problem: { kind: 'throttled' } },
    hostile: { ...plain, frame: hostileFrame, sentTo: '"><i onclick=alert(1)>@x.example' },
    long: { ...change, frame: longFrame, sentTo: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});
