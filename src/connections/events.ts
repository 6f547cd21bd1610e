import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

const about = z.strictObject({ connection: z.string(), connection_id: z.string(), provider: z.string() });

export const connectionCreated = eventType({
  name: 'connection.created',
  text: 'A connection to an identity provider was created.',
  details: about,
  audience: ['operator', 'organization'],
  gravity: 'notice',
  webhook: true,
});

export const connectionChanged = eventType({
  name: 'connection.changed',
  text: 'A connection to an identity provider was changed.',
  details: about.extend({
    members: z.array(z.string()),
    secret: z.enum(['kept', 'replaced', 'removed']),
    enabled: z.boolean(),
  }),
  audience: ['operator', 'organization'],
  gravity: 'notice',
  webhook: true,
});

export const userUpstreamTokenFetched = eventType({
  name: 'user.upstream_token_fetched',
  text: 'A token of a user at an identity provider was handed out.',
  details: z.strictObject({ connection: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const connectionDeleted = eventType({
  name: 'connection.deleted',
  text: 'A connection to an identity provider was deleted. Users cannot sign in with it any more.',
  details: about,
  audience: ['operator', 'organization'],
  gravity: 'warning',
  webhook: true,
});

export const connectionMetadataChanged = eventType({
  name: 'connection.metadata_changed',
  text: 'The metadata of an identity provider changed: its addresses or its certificates are others now.',
  details: about.extend({ certificates: z.number() }),
  audience: ['operator', 'organization'],
  gravity: 'notice',
  webhook: true,
});

export const connectionMetadataFailed = eventType({
  name: 'connection.metadata_failed',
  text: 'The metadata of an identity provider cannot be read again. The last one stays in force until its time is over.',
  details: about.extend({ reason: z.string() }),
  audience: ['operator', 'organization'],
  gravity: 'warning',
  webhook: true,
});

export const connectionTestCreated = eventType({
  name: 'connection.test_created',
  text: 'A link that tests a connection to an identity provider was created.',
  details: about,
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: false,
});

export const connectionLogoutRefused = eventType({
  name: 'connection.logout_refused',
  text: 'A request of an identity provider to sign its users out was refused.',
  details: about.extend({ reason: z.string() }),
  audience: ['operator', 'organization'],
  gravity: 'warning',
  webhook: false,
});
