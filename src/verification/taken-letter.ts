import { letter } from '#kernel/mail/letters.ts';

/** Somebody wanted an address for their account that is another account's. */
type TakenLetter = { accountUrl: string };

export const takenLetter = letter<TakenLetter>('verification/taken', {
  samples: { plain: { accountUrl: 'https://id.example.com/account/emails' } },
});
