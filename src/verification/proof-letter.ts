import { letter } from '#kernel/mail/letters.ts';

/** The link and the code that prove an address. */
export type ProofLetter = {
  /** `sign-in`: the first address of an account. `further`: one more. `change`: one that shall take the place of the first. */
  why: 'sign-in' | 'further' | 'change';
  code: string;
  url: string;
};

const plain: ProofLetter = {
  why: 'sign-in',
  code: '481920',
  url: 'https://id.example.com/interaction/4Tj2/verify-email/link?token=n7Qm3rVx0',
};

export const proofLetter = letter<ProofLetter>('verification/proof', {
  samples: {
    'at a sign-in': plain,
    'of a further address': {
      ...plain,
      why: 'further',
      url: 'https://id.example.com/account/emails/confirm/address?token=n7Q',
    },
    'of a change': { ...plain, why: 'change', url: 'https://id.example.com/account/emails/confirm/change?token=n7Q' },
  },
});
