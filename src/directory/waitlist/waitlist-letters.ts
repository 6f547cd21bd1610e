import { letter } from '#kernel/mail/letters.ts';

/** To a visitor who joins the waitlist: the code to enter, or the link to open. */
type ConfirmLetter = { code: string; url: string };

export const confirmLetter = letter<ConfirmLetter>('directory/waitlist/confirm', {
  samples: { plain: { code: '481920', url: 'https://id.fernway.example/waitlist/confirm/3f2a9c1b' } },
});

/** To the owner of an address that joined the waitlist: it already has an account. */
type MemberLetter = { url: string };

export const memberLetter = letter<MemberLetter>('directory/waitlist/member', {
  samples: { plain: { url: 'https://id.fernway.example/account' } },
});
