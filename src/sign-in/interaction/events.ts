import { z } from 'zod';
import { eventType, caep } from '#audit/event-type.ts';

export const userSignedIn = eventType({
  name: 'user.signed_in',
  text: 'A user proved enough and was signed in.',
  details: z.strictObject({
    level: z.number(),
    amr: z.array(z.string()),
    signals: z.array(z.string()),
    actions: z.array(z.string()),
  }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  letter: 'sign-in/risk/new-sign-in',
  webhook: true,
  caep: caep.sessionEstablished,
});

export const userSignInFailed = eventType({
  name: 'user.sign_in_failed',
  text: 'A sign-in was refused.',
  details: z.strictObject({
    reason: z.string(),
    method: z.string().optional(),
    connection: z.string().optional(),
    known_account: z.boolean().optional(),
  }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'warning',
  webhook: false,
});

export const organizationSignInRefused = eventType({
  name: 'organization.sign_in_refused',
  text: 'A policy refused a sign-in after the first proof: its network, the way in which it began, or the second factor.',
  details: z.strictObject({ reason: z.enum(['network', 'way', 'factor']) }),
  audience: ['operator', 'organization'],
  gravity: 'warning',
  webhook: true,
});
