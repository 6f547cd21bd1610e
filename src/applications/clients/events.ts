import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

export const clientCreated = eventType({
  name: 'client.created',
  text: 'A client was added.',
  details: z.strictObject({ after: z.record(z.string(), z.unknown()) }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: true,
});

export const clientRegistered = eventType({
  name: 'client.registered',
  text: 'A client registered itself (RFC 7591).',
  details: z.strictObject({ after: z.record(z.string(), z.unknown()) }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: true,
});

export const clientChanged = eventType({
  name: 'client.changed',
  text: 'A client was changed.',
  details: z.strictObject({ before: z.record(z.string(), z.unknown()), after: z.record(z.string(), z.unknown()) }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: true,
});

export const clientDeleted = eventType({
  name: 'client.deleted',
  text: 'A client was deleted.',
  details: z.strictObject({ before: z.record(z.string(), z.unknown()) }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: true,
});

export const clientSecretAdded = eventType({
  name: 'client.secret_added',
  text: 'A further secret was made for a client.',
  details: z.strictObject({ secret_id: z.string(), expires_at: z.string().nullable() }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: true,
});

export const clientSecretRotated = eventType({
  name: 'client.secret_rotated',
  text: 'A new secret replaced the secrets of a client.',
  details: z.strictObject({ secret_id: z.string(), expires_at: z.string().nullable() }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: true,
});

export const clientSecretRemoved = eventType({
  name: 'client.secret_removed',
  text: 'A secret of a client was ended.',
  details: z.strictObject({ secret_id: z.string(), expires_at: z.string().nullable() }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: true,
});

export const apiCreated = eventType({
  name: 'api.created',
  text: 'An API was added.',
  details: z.strictObject({ identifier: z.string(), after: z.record(z.string(), z.unknown()) }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: true,
});

export const apiChanged = eventType({
  name: 'api.changed',
  text: 'An API was changed.',
  details: z.strictObject({
    identifier: z.string(),
    before: z.record(z.string(), z.unknown()),
    after: z.record(z.string(), z.unknown()),
  }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: true,
});

export const apiDeleted = eventType({
  name: 'api.deleted',
  text: 'An API was deleted.',
  details: z.strictObject({ identifier: z.string(), before: z.record(z.string(), z.unknown()) }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: true,
});
