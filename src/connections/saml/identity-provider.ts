import { defineEntity, p } from '@mikro-orm/core';
import { Connection, type ConnectionId } from '../connection.ts';
import type { SamlBinding } from './saml-settings.ts';

/** Where an identity provider takes messages. Answers go to `responseLocation`, where there is one (SAML Metadata §2.2.2). */
export type SamlEndpoint = { binding: SamlBinding; location: string; responseLocation?: string };

/** The part of its metadata that a sign-in needs. */
export type ProviderMetadata = {
  signOn: readonly SamlEndpoint[];
  logout: readonly SamlEndpoint[];
  /** Those that it signs with, in PEM. No other key is believed. */
  certificates: readonly string[];
  wantsSignedRequests: boolean;
};

const instant = () => p.datetime(3).columnType('timestamptz(3)');

const SamlIdentityProviderSchema = defineEntity({
  name: 'SamlIdentityProvider',
  tableName: 'saml_identity_provider',
  properties: {
    connectionId: () =>
      p
        .manyToOne(Connection)
        .mapToPk()
        .primary()
        .fieldName('connection_id')
        .deleteRule('cascade')
        .updateRule('no action')
        .$type<ConnectionId>(),
    /** The organization of the connection, or `instance`: in each of them an entity has one connection. */
    scope: p.text(),
    entityId: p.text(),
    metadata: p.json<ProviderMetadata>(),
    /** Null where the metadata was given. */
    metadataUrl: p.text().nullable(),
    /** One of these must have signed the metadata; none: it may be unsigned. */
    metadataCertificates: p.json<readonly string[]>(),
    /** After this time the metadata says nothing any more. */
    validUntil: instant().nullable(),
    refreshedAt: instant(),
    /** When the metadata is read again; null where it was given. */
    dueAt: instant().nullable().index('saml_identity_provider_due_at_index'),
    /** Why the metadata could not be read again; null after a good reading. */
    problem: p.text().nullable(),
  },
  uniques: [{ name: 'saml_identity_provider_scope_entity_id_unique', properties: ['scope', 'entityId'] }],
});
/** The identity provider of a connection of SAML (table `saml_identity_provider`). */
export class SamlIdentityProvider extends SamlIdentityProviderSchema.class {}
SamlIdentityProviderSchema.setClass(SamlIdentityProvider);
