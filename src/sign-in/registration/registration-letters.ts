import { letter } from '#kernel/mail/letters.ts';

/** To whoever an account is being created for: the code to type, or the link to open in the same browser. */
type ConfirmLetter = { code: string; url: string };

export const confirmLetter = letter<ConfirmLetter>('sign-in/registration/confirm', {
  samples: { plain: { code: '481920', url: 'https://id.fernway.example/interaction/4Tj2/create/link/3f2a9c1b' } },
});

/** To whom the operator lets in. */
type InvitationLetter = {
  url: string;
  /** For how long the link works. */
  days: number;
};

export const invitationLetter = letter<InvitationLetter>('sign-in/registration/invitation', {
  samples: { plain: { url: 'https://id.fernway.example/invitation/3f2a9c1b', days: 7 } },
});

/** To the owner of an address with which somebody wanted to create an account: there is one already. */
type TakenLetter = {
  /** Where they sign in. */
  url: string;
};

export const takenLetter = letter<TakenLetter>('sign-in/registration/taken', {
  samples: { plain: { url: 'https://id.fernway.example/account' } },
});
