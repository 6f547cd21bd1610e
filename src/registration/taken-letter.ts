import { letter } from '#kernel/mail/letters.ts';

/** To the owner of an address with which somebody wanted to create an account: there is one already. */
type TakenLetter = {
  /** Where they sign in. */
  url: string;
};

export const takenLetter = letter<TakenLetter>('registration/taken', {
  samples: { plain: { url: 'https://id.fernway.example/account' } },
});
