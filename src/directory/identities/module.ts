/**
 * identities: the identities of users at upstream providers.
 *
 * Owns    the table user_identity, the owner of an identity, identities of imported users, tokens of providers.
 * Leaves  the protocol and the providers to connections, what a sign-in makes of an identity to sign-in/federation, the question
 *         whether another way in is left to credentials.
 * URLs    none.
 */
import type { AuditLog } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import { IdentityBulk } from './identity-bulk.ts';
import { IdentityTokens } from './identity-tokens.ts';
import { LinkedIdentities } from './linked-identities.ts';

type Dependencies = { clock: Clock; database: Database; keyRing: KeyRing; audit: Pick<AuditLog, 'record'> };

/** Creates the service of linked identities, and their bulk writes. */
export function createIdentities({ clock, database, keyRing, audit }: Dependencies) {
  return {
    linked: new LinkedIdentities({ clock, database, audit }),
    tokens: new IdentityTokens({ clock, database, keyRing }),
    bulk: new IdentityBulk(clock, database),
  };
}

export type { BulkIdentity, IdentityBulk } from './identity-bulk.ts';
export type { HeldTokens, IdentityTokens, UpstreamTokenSet } from './identity-tokens.ts';
export type { LinkedIdentities, LinkedIdentity, UpstreamSubject } from './linked-identities.ts';
export { UserIdentity } from './user-identity.ts';
