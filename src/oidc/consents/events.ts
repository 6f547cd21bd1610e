import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

export const consentGiven = eventType({
  name: 'consent.given',
  text: 'A user allowed a client to use the account.',
  details: z.strictObject({
    scopes: z.array(z.string()),
    claims: z.array(z.string()),
    resource_scopes: z.record(z.string(), z.array(z.string())),
  }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const consentRefused = eventType({
  name: 'consent.refused',
  text: 'A user did not allow a client to use the account.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const consentRevoked = eventType({
  name: 'consent.revoked',
  text: 'A user took back what a client was allowed, and with it its tokens.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});
