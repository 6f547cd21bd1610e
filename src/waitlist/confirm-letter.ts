import { letter } from '#kernel/mail/letters.ts';

/** To whoever wants to be on the waitlist: the code to type, or the link to open. */
type ConfirmLetter = { code: string; url: string };

export const confirmLetter = letter<ConfirmLetter>('waitlist/confirm', {
  samples: { plain: { code: '481920', url: 'https://id.fernway.example/waitlist/confirm/3f2a9c1b' } },
});
