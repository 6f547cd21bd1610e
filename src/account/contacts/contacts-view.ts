import { type AccountFrame, hostileFrame, longFrame, sampleFrame, usernameFrame } from '../account-frame.ts';
import { view } from '#kernel/views.ts';

type ListedContact = {
  /** For the field `contact` of the forms: an id, or `first`. */
  key: string;
  value: string;
  isFirst: boolean;
  isVerified: boolean;
  /** Whether it may be removed: the primary email address may not, the first number only when it is the only one. */
  isRemovable: boolean;
};

type ContactProblem = {
  /**
   * `yours`: it is in the list already. `too_many`: the list is full. `limited`: too many codes were sent. `unreachable`: no text
   * messages go there.
   */
  kind: 'required' | 'email' | 'phone' | 'yours' | 'too_many' | 'limited' | 'unreachable';
};

/** The addresses. Forms post `contact` to …/{send,first,remove}, the last one `email`. */
export type EmailsPage = {
  frame: AccountFrame;
  contacts: readonly ListedContact[];
  /** The typed value. */
  email: string;
  problem: ContactProblem | null;
};

/** The numbers. Forms post `contact` to …/{send,first,remove}, the last one `phone`. */
export type PhonesPage = {
  frame: AccountFrame;
  contacts: readonly ListedContact[];
  /** Whether text messages are sent at all: without them no number can be confirmed. */
  canAdd: boolean;
  phone: string;
  problem: ContactProblem | null;
};

const first: ListedContact = {
  key: 'first',
  value: 'noor@fernway.example',
  isFirst: true,
  isVerified: true,
  isRemovable: false,
};
const further: ListedContact = {
  key: 'cnt_01h455vb4pex5vsknk084sn02q',
  value: 'n.haddad@orchard.example',
  isFirst: false,
  isVerified: true,
  isRemovable: true,
};
const unproven: ListedContact = { ...further, key: 'cnt_2', value: 'noor@home.example', isVerified: false };
const emails: EmailsPage = { frame: sampleFrame, contacts: [first, further, unproven], email: '', problem: null };
const longEmail = `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example`;

const emailProblem = (kind: ContactProblem['kind'], email = 'noor at fernway'): EmailsPage => ({
  ...emails,
  email,
  problem: { kind },
});

export const emailsView = view<EmailsPage>('account/contacts/emails.njk', {
  samples: {
    plain: emails,
    'one, unproven': { ...emails, contacts: [{ ...first, isVerified: false }] },
    'no address': { ...emails, frame: usernameFrame, contacts: [] },
    'no address, one unproven': { ...emails, frame: usernameFrame, contacts: [unproven] },
    empty: emailProblem('required', ''),
    'not an address': emailProblem('email'),
    'there already': emailProblem('yours', 'noor@fernway.example'),
    full: emailProblem('too_many', 'more@x.example'),
    limited: emailProblem('limited', ''),
    hostile: {
      ...emails,
      frame: hostileFrame,
      contacts: [first, { ...further, key: '"><b>', value: '"><i onclick=alert(1)>@x.example' }],
      email: '" autofocus onfocus="alert(1)',
      problem: { kind: 'email' },
    },
    long: {
      ...emails,
      frame: longFrame,
      contacts: [
        { ...first, value: longEmail },
        { ...further, value: longEmail },
      ],
    },
  },
});

const number: ListedContact = { ...first, value: '+12025550123' };
const phones: PhonesPage = {
  frame: sampleFrame,
  contacts: [number, { ...further, value: '+4930901820' }, { ...unproven, value: '+31612345647' }],
  canAdd: true,
  phone: '',
  problem: null,
};

const phoneProblem = (kind: ContactProblem['kind'], phone = ''): PhonesPage => ({
  ...phones,
  phone,
  problem: { kind },
});

export const phonesView = view<PhonesPage>('account/contacts/phones.njk', {
  samples: {
    plain: phones,
    'the only one': { ...phones, contacts: [{ ...number, isRemovable: true }] },
    none: { ...phones, contacts: [] },
    'without text messages': { ...phones, contacts: [], canAdd: false },
    empty: phoneProblem('required'),
    'not a number': phoneProblem('phone', '12'),
    'there already': phoneProblem('yours', '+12025550123'),
    'out of reach': phoneProblem('unreachable', '+18765550123'),
    full: phoneProblem('too_many', '+12025550199'),
    limited: phoneProblem('limited'),
    hostile: {
      ...phones,
      frame: hostileFrame,
      contacts: [{ ...number, key: '"><b>', value: '"><i>' }],
      phone: '"><i>',
      problem: { kind: 'phone' },
    },
    long: { ...phones, frame: longFrame },
  },
});
