import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

export const userRegistered = eventType({
  name: 'user.registered',
  text: 'A user created the account.',
  details: z.strictObject({ method: z.string(), terms: z.string().optional() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const userInvitationRevoked = eventType({
  name: 'user.invitation_revoked',
  text: 'An invitation to create an account was revoked.',
  details: z.strictObject({ email: z.string(), administrator: z.boolean() }),
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});
