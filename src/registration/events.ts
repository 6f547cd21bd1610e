import { z } from 'zod';
import { eventType } from '#audit/module.ts';

export const userRegistered = eventType({
  name: 'user.registered',
  text: 'A user created the account.',
  details: z.strictObject({ method: z.string(), terms: z.string().optional() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const userInvited = eventType({
  name: 'user.invited',
  text: 'A link to create an account was mailed to an address.',
  details: z.strictObject({ email: z.string(), administrator: z.boolean() }),
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});
