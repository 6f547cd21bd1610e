import { letter } from '#kernel/mail/letters.ts';

/** To whoever an account is being created for: the code to type, or the link to open in the same browser. */
type ConfirmLetter = { code: string; url: string };

export const confirmLetter = letter<ConfirmLetter>('registration/confirm', {
  samples: { plain: { code: '481920', url: 'https://id.fernway.example/interaction/4Tj2/create/link/3f2a9c1b' } },
});
