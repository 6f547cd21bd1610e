import { defineEntity, p } from '@mikro-orm/core';

/** Mapped for the drift test and for lists; the hot path is postgres-artifacts.ts. */
const OidcArtifactSchema = defineEntity({
  name: 'OidcArtifact',
  tableName: 'oidc_artifact',
  properties: {
    idHash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    kind: p.text().primary(),
    lookupHash: p.blob().columnType('bytea').$type<Buffer>().nullable(),
    grantHash: p.blob().columnType('bytea').$type<Buffer>().nullable().index('oidc_artifact_grant_index'),
    /** The look-up hash of the session that the artifact ends with. */
    sessionHash: p.blob().columnType('bytea').$type<Buffer>().nullable(),
    accountId: p.text().nullable(),
    clientId: p.text().nullable(),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('oidc_artifact_expiry_index'),
    consumedAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
    /** Of consumed refresh tokens alone: the hash of the successor, and how often that was the answer again. */
    successorHash: p.blob().columnType('bytea').$type<Buffer>().nullable(),
    repeats: p.integer().default(0),
    /** On grants alone: the mark that no token of theirs may be stored or found any more. */
    revokedAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
    payload: p.json<Record<string, unknown>>(),
    /** Of sign-ins alone: what their steps have found out, and how often that was written. */
    progress: p.json<unknown>().nullable(),
    progressStep: p.integer().default(0),
  },
  uniques: [{ name: 'oidc_artifact_lookup_unique', properties: ['lookupHash', 'kind'] }],
  indexes: [
    { name: 'oidc_artifact_account_index', properties: ['accountId', 'kind'] },
    { name: 'oidc_artifact_initial_token_index', properties: ['expiresAt'], where: `kind = 'InitialAccessToken'` },
  ],
});
/** An artifact of the engine; ids are hashed, secrets are never stored (table `oidc_artifact`). */
export class OidcArtifact extends OidcArtifactSchema.class {}
OidcArtifactSchema.setClass(OidcArtifact);
