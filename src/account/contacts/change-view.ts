import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from '../account-frame.ts';
import { view } from '#kernel/views.ts';

/** Another primary email address. */
export type ChangePage = {
  frame: AccountFrame;
  /** Where the form posts to. Fields: `email`; button `action=continue`. */
  action: string;
  backUrl: string;
  /** The typed value. */
  email: string;
  /** `same`: it is the first one already. `limited`: too many mails were sent. */
  problem: { kind: 'required' | 'email' | 'same' | 'limited' } | null;
};

const plain: ChangePage = {
  frame: sampleFrame,
  action: '/account/emails/change',
  backUrl: '/account/emails',
  email: '',
  problem: null,
};

export const changeView = view<ChangePage>('account/contacts/change.njk', {
  samples: {
    plain,
    empty: { ...plain, problem: { kind: 'required' } },
    'not an address': { ...plain, email: 'noor at fernway', problem: { kind: 'email' } },
    same: { ...plain, email: 'noor@fernway.example', problem: { kind: 'same' } },
    limited: { ...plain, email: 'noor@orchard.example', problem: { kind: 'limited' } },
    hostile: { ...plain, frame: hostileFrame, email: '" autofocus onfocus="alert(1)', problem: { kind: 'email' } },
    long: { ...plain, frame: longFrame, email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});
