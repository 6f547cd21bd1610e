import { letter } from '#kernel/mail/letters.ts';
import { type Circumstances, sampleCircumstances, sampleUnseen } from '#directory/users/module.ts';
import { textTemplate } from '#kernel/sms/texts.ts';

/** The link and the code that prove an address. */
export type ProofLetter = {
  /** `sign-in`: the primary email address of an account. `further`: one more. `change`: one that shall take the place of the first. */
  why: 'sign-in' | 'further' | 'change';
  code: string;
  url: string;
};

const plainProof: ProofLetter = {
  why: 'sign-in',
  code: '481920',
  url: 'https://id.example.com/interaction/4Tj2/verify-email/link?token=n7Qm3rVx0',
};

export const proofLetter = letter<ProofLetter>('directory/contacts/proof', {
  samples: {
    'at a sign-in': plainProof,
    'of a further address': {
      ...plainProof,
      why: 'further',
      url: 'https://id.example.com/account/emails/confirm/address?token=n7Q',
    },
    'of a change': {
      ...plainProof,
      why: 'change',
      url: 'https://id.example.com/account/emails/confirm/change?token=n7Q',
    },
  },
});

/** The link alone, for a user who is to prove an address because an operator asks. */
export const proofLinkLetter = letter<Pick<ProofLetter, 'url'>>('directory/contacts/proof-link', {
  samples: { plain: { url: 'https://id.example.com/account/emails/confirm/address?token=n7Q' } },
});

const noticeKinds = ['email_added', 'email_removed', 'phone_added', 'phone_removed', 'phone_changed'] as const;

/** A change of a user's additional email addresses and phone numbers. */
export type NoticeLetter = Circumstances & {
  kind: (typeof noticeKinds)[number];
  /** The address or number. */
  value: string;
  /** Until when an earlier mail can take back that this address lost the first place; null when none can. */
  undoableUntil: Date | null;
  accountUrl: string;
};

const plainNotice: NoticeLetter = {
  kind: 'email_added',
  value: 'noor@orchard.example',
  ...sampleCircumstances,
  undoableUntil: null,
  accountUrl: 'https://id.example.com/account/emails',
};

export const noticeLetter = letter<NoticeLetter>('directory/contacts/notice', {
  samples: {
    'address added': plainNotice,
    'address removed': { ...plainNotice, kind: 'email_removed', ...sampleUnseen },
    'former first address removed': {
      ...plainNotice,
      kind: 'email_removed',
      notMeUrl: null,
      undoableUntil: new Date('2026-11-25T10:31:00Z'),
    },
    'number added': { ...plainNotice, kind: 'phone_added', value: '+12025550123' },
    'number removed': { ...plainNotice, kind: 'phone_removed', value: '+12025550123' },
    'first number changed': { ...plainNotice, kind: 'phone_changed', value: '+12025550123' },
    hostile: {
      ...plainNotice,
      value: '"><i onclick=alert(1)>@evil.example',
      device: '<img src=x onerror=alert(1)>\u202E',
    },
  },
});

/** To the address that was the first one: what took its place, and the way back. */
type ChangedLetter = Circumstances & {
  to: string;
  /** Null when this address has no right to take it back: it was the first one for a short time only. */
  revertUrl: string | null;
  /** Until when. */
  endsAt: Date;
};

const plainChanged: ChangedLetter = {
  to: 'noor@orchard.example',
  ...sampleCircumstances,
  notMeUrl: null,
  revertUrl: 'https://id.example.com/verification/revert?token=n7Qm3rVx0',
  endsAt: new Date('2026-11-25T10:31:00Z'),
};

export const changedLetter = letter<ChangedLetter>('directory/contacts/changed', {
  samples: {
    plain: plainChanged,
    'without a right to take it back': { ...plainChanged, revertUrl: null },
    'from an unknown browser': { ...plainChanged, ...sampleUnseen },
    hostile: {
      ...plainChanged,
      to: '"><i onclick=alert(1)>@evil.example',
      device: '<img src=x onerror=alert(1)>\u202E',
    },
  },
});

/** Another account requested an address that belongs to this account. */
type TakenLetter = { accountUrl: string };

export const takenLetter = letter<TakenLetter>('directory/contacts/taken', {
  samples: { plain: { accountUrl: 'https://id.example.com/account/emails' } },
});

/** The code that proves a phone number. */
type NumberText = { code: string };

export const numberText = textTemplate<NumberText>('directory/contacts/number', {
  samples: { plain: { code: '402913' } },
});
