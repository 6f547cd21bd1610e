import { z } from 'zod';
import { caep, eventType } from '#audit/event-type.ts';

const details = z.strictObject({
  connection: z.string(),
  issuer: z.string(),
  subject: z.string(),
  name: z.string().nullable(),
});

export const userIdentityLinked = eventType({
  name: 'user.identity_linked',
  text: 'A user linked an account at another provider, and can sign in with it.',
  details,
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'credentials/factor',
  webhook: true,
  caep: caep.credentialChange,
});

export const userIdentityUnlinked = eventType({
  name: 'user.identity_unlinked',
  text: 'A linked account at another provider was unlinked, and no longer signs in.',
  details,
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'credentials/factor',
  webhook: true,
  caep: caep.credentialChange,
});
