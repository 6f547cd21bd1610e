import { z } from 'zod';
import { eventType, caep } from '#audit/event-type.ts';

export const sessionEnded = eventType({
  name: 'session.ended',
  text: 'A session ended, and with it the grants and tokens of its clients.',
  details: z.strictObject({ client_ids: z.array(z.string()) }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
  caep: caep.sessionRevoked,
});

export const tokenReused = eventType({
  name: 'token.reused',
  text: 'A used authorization code, device code or refresh token was used again; its grant was revoked. A refresh token is used up after its grace.',
  details: z.strictObject({ grant_type: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'alert',
  webhook: true,
});

export const tokenRefreshRefused = eventType({
  name: 'token.refresh_refused',
  text: 'A refresh token that a client holds yields no tokens any more: the user, the client, the consent or a policy changed since. Recorded once an hour for each grant.',
  details: z.strictObject({ reason: z.string() }),
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

export const tokenRevoked = eventType({
  name: 'token.revoked',
  text: 'A client revoked a token (RFC 7009).',
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

export const clientAuthenticationFailed = eventType({
  name: 'client.authentication_failed',
  text: 'A client could not prove itself at an endpoint.',
  details: z.strictObject({ endpoint: z.string(), reason: z.string().optional() }),
  audience: ['operator'],
  gravity: 'warning',
  webhook: false,
});

export const registrationTokenCreated = eventType({
  name: 'registration_token.created',
  text: 'A token was made with which a client may register itself (RFC 7591).',
  /** `token_id`: missing in events of earlier releases. */
  details: z.strictObject({ expires_at: z.string(), token_id: z.string().optional() }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: false,
});

export const registrationTokenDeleted = eventType({
  name: 'registration_token.deleted',
  text: 'A token with which clients could register themselves was deleted.',
  details: z.strictObject({ token_id: z.string(), expires_at: z.string() }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: false,
});
