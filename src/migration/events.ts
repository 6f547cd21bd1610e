import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

export const userImported = eventType({
  name: 'user.imported',
  text: 'An account was brought over from a file.',
  details: z.strictObject({
    change: z.enum(['created', 'updated']),
    email_verified: z.boolean(),
    password: z.string(),
    authenticator_app: z.boolean(),
    identities: z.number(),
  }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const userMigrated = eventType({
  name: 'user.migrated',
  text: 'An account was brought over from the old system in its first sign-in.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const usersExported = eventType({
  name: 'users.exported',
  text: 'The operator read all accounts out.',
  details: z.strictObject({ with_hashes: z.boolean() }),
  audience: ['operator'],
  gravity: 'alert',
  webhook: false,
});
