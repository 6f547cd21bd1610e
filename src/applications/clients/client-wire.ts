/** A client as operations show one: members are named as on the wire (RFC 7591 §2 and §3.2.1). */
import { z } from 'zod';
import { SECOND } from '#kernel/clock.ts';
import { timeSchema } from '#kernel/operations/schemas.ts';
import type { Client } from './client.ts';
import type { ClientMetadata } from './client-metadata.ts';
import { clientProfiles } from './client-profile.ts';
import type { ClientSecret } from './client-secret.ts';
import { clientTypes } from './client-type.ts';

/**
 * Client metadata (RFC 7591) stand next to these members. Values of another release are shown unchanged, so that one row which
 * this release cannot read hides no other client.
 */
export const clientSchema = z.looseObject({
  client_id: z.string(),
  client_id_issued_at: z.int().describe('When the client was made, in seconds since 1970'),
  client_name: z.string(),
  type: z.string().describe(clientTypes.join(', ')),
  profile: z.string().describe(clientProfiles.join(', ')),
  first_party: z.boolean(),
  disabled: z.boolean(),
  registered: z.boolean().describe('Whether the client registered itself (RFC 7591)'),
  apis: z.unknown().describe('Scopes of each API that the client may ask for'),
  warnings: z.array(z.string()).optional().describe('Safe defaults that the client does without'),
});
/** The secret is there where one was made, this once. */
export const clientWithSecretSchema = clientSchema.extend({
  client_secret: z.string().optional(),
  client_secret_expires_at: z.int().optional().describe('In seconds since 1970; 0 when the secret does not expire'),
});
export const secretSchema = z.strictObject({
  id: z.string(),
  created_at: timeSchema,
  expires_at: timeSchema.nullable(),
});

/** The public part of a client for output and logs: everything but its secrets, which are stored elsewhere. */
export function visible({ name, type, profile, firstParty, disabled, registered, metadata, apis }: Client) {
  return { client_name: name, type, profile, first_party: firstParty, disabled, registered, apis, ...metadata };
}

/** A client as the command line and the management API show one. */
export function clientOnWire(client: Client): z.input<typeof clientSchema> {
  const warnings = warningsOf(client);
  return {
    client_id: client.clientId,
    client_id_issued_at: Math.floor(client.createdAt.getTime() / SECOND),
    ...visible(client),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

/** One sentence for each member of the client that loosens a safe default. */
function warningsOf({ metadata }: Client): string[] {
  // A row that was changed by hand may hold anything.
  return (metadata as ClientMetadata | null)?.require_pkce === false
    ? [
        'require_pkce is false: requests without PKCE are accepted if they have a nonce. Remove it when the software supports PKCE.',
      ]
    : [];
}

/** A secret that was just made (RFC 7591 §3.2.1). */
export function newSecretOnWire(secret: string, expiresAt: Date | null) {
  return {
    client_secret: secret,
    client_secret_expires_at: expiresAt ? Math.floor(expiresAt.getTime() / SECOND) : 0,
  };
}

/** A stored secret, which is named by its id: the secret itself was shown once. */
export function secretOnWire({ id, createdAt, expiresAt }: ClientSecret): z.input<typeof secretSchema> {
  return { id, created_at: createdAt.toISOString(), expires_at: expiresAt?.toISOString() ?? null };
}
