import { defineEntity, p } from '@mikro-orm/core';
import { Client } from '#applications/clients/module.ts';
import type { AttributeMapping } from './attribute-mapping.ts';
import type { CertificateUse, LogoutBinding, SignedParts } from './member-values.ts';
import type { NameIdFormat } from './name-id.ts';

/** An assertion consumer service: where the browser posts a Response. */
export type Consumer = { url: string; index: number; isDefault: boolean };

/** A single logout service; `responseUrl`: where answers go, in place of `url`. */
export type LogoutEndpoint = { binding: LogoutBinding; url: string; responseUrl: string | null };

/** A certificate of the application, as base64 of its DER form. */
export type SpCertificate = { use: CertificateUse; der: string };

/** Members of an application that its metadata decide. */
export const metadataMembers = ['consumers', 'logoutEndpoints', 'certificates', 'requiresSignedRequests'] as const;
export type MetadataMember = (typeof metadataMembers)[number];

const instant = () => p.datetime(3).columnType('timestamptz(3)');

const ServiceProviderSchema = defineEntity({
  name: 'ServiceProvider',
  tableName: 'saml_service_provider',
  properties: {
    client: () => p.manyToOne(Client).mapToPk().primary().fieldName('client').deleteRule('cascade'),
    /** Of the client: the name in our addresses. */
    clientId: p.text().unique('saml_service_provider_client_id_unique'),
    /** The issuer of its requests, and the audience of assertions. */
    entityId: p.text().unique('saml_service_provider_entity_id_unique'),
    consumers: p.json<readonly Consumer[]>(),
    logoutEndpoints: p.json<readonly LogoutEndpoint[]>(),
    certificates: p.json<readonly SpCertificate[]>(),
    /** An AuthnRequest without a valid signature is refused. Logout needs one in any case. */
    requiresSignedRequests: p.boolean(),
    nameIdFormat: p.text().$type<NameIdFormat>(),
    signs: p.text().$type<SignedParts>(),
    /** Assertions are encrypted to a certificate of the application. */
    encrypts: p.boolean(),
    attributes: p.json<readonly AttributeMapping[]>(),
    /** A sign-in may begin here, and the application has a tile on the account page. */
    isLaunchable: p.boolean(),
    launchRelayState: p.text().nullable(),
    /** Where the metadata came from, null for a file or single members. */
    metadataUrl: p.text().nullable(),
    /** One of these must have signed the metadata; none: they may be unsigned. */
    metadataCertificates: p.json<readonly string[]>().default('[]'),
    /** Members that an operator named: metadata that are read again leave them. */
    ownMembers: p.json<readonly MetadataMember[]>().default('[]'),
    /** After this time the metadata say nothing any more. */
    validUntil: instant().nullable(),
    /** When the metadata were read; null without any. */
    refreshedAt: instant().nullable(),
    /** When the metadata are read again; null where they were given. */
    dueAt: instant().nullable().index('saml_service_provider_due_at_index'),
    /** Why the metadata could not be read again; null after a good reading. */
    problem: p.text().nullable(),
    /** The last warning that was given about the certificate that ends first, in days. */
    warnedDays: p.integer().nullable(),
    updatedAt: instant(),
  },
});
/** An application that speaks SAML, next to its client (table `saml_service_provider`). */
export class ServiceProvider extends ServiceProviderSchema.class {}
ServiceProviderSchema.setClass(ServiceProvider);
