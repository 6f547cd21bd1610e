import { view } from '#kernel/views.ts';
import type { SentWay } from './offered-second-factors.ts';
import type { ShownAccount } from '#directory/users/module.ts';

type SendPage = {
  way: SentWay;
  /** Where the form posts to; button `action=continue`. */
  action: string;
  account: ShownAccount;
  changeUrl: string;
  /** Where the code goes, as far as it is shown. */
  sentTo: string;
  anotherUrl: string | null;
};

const plain: SendPage = {
  way: 'email',
  action: '/interaction/4Tj2/second-factor/email',
  account: { name: null, identifier: 'noor@fernway.example' },
  changeUrl: '/interaction/4Tj2/login',
  sentTo: 'n•••@fernway.example',
  anotherUrl: null,
};

/** A code is sent on request, not when a page is loaded. */
export const sendView = view<SendPage>('sign-in/mfa/send.njk', {
  samples: {
    plain,
    'text message': {
      ...plain,
      way: 'sms',
      action: '/interaction/4Tj2/second-factor/sms',
      account: { name: 'Noor Haddad', identifier: 'noor@fernway.example' },
      sentTo: '+49 ••••• 820',
      anotherUrl: '/interaction/4Tj2/second-factor/methods',
    },
    hostile: { ...plain, sentTo: '"><b>x</b>', account: { name: '<i>', identifier: '"@x.example' } },
  },
});
