import { letter } from '#kernel/mail/letters.ts';

/** To a new user: the code to enter, or the link to open in the same browser. */
type ConfirmLetter = { code: string; url: string };

export const confirmLetter = letter<ConfirmLetter>('sign-in/registration/confirm', {
  samples: { plain: { code: '481920', url: 'https://id.fernway.example/interaction/4Tj2/create/link/3f2a9c1b' } },
});

/** To a user with an invitation of the operator. */
type InvitationLetter = {
  url: string;
  /** For how long the link works. */
  days: number;
};

export const invitationLetter = letter<InvitationLetter>('sign-in/registration/invitation', {
  samples: { plain: { url: 'https://id.fernway.example/invitation/3f2a9c1b', days: 7 } },
});

/** To the owner of an address in another registration: the account exists already. */
type TakenLetter = {
  /** Where they sign in. */
  url: string;
};

export const takenLetter = letter<TakenLetter>('sign-in/registration/taken', {
  samples: { plain: { url: 'https://id.fernway.example/account' } },
});
