import { letter } from '#kernel/mail/letters.ts';

/** To the owner of an address with which somebody wanted to wait: they need not, they have an account. */
type MemberLetter = { url: string };

export const memberLetter = letter<MemberLetter>('waitlist/member', {
  samples: { plain: { url: 'https://id.fernway.example/account' } },
});
