import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

export const userSignInCodeSent = eventType({
  name: 'user.sign_in_code_sent',
  text: 'A code or link to sign in with was asked for.',
  details: z.strictObject({ channel: z.string(), known_account: z.boolean(), discarded: z.boolean() }),
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: false,
});
