import { letter } from '#kernel/mail/letters.ts';

/** To whom the operator lets in. */
type InvitationLetter = {
  url: string;
  /** For how long the link works. */
  days: number;
};

export const invitationLetter = letter<InvitationLetter>('registration/invitation', {
  samples: { plain: { url: 'https://id.fernway.example/invitation/3f2a9c1b', days: 7 } },
});
