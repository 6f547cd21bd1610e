import { defineEntity, p } from '@mikro-orm/core';
import { Organization } from '#directory/organizations/module.ts';
import { IdColumn } from '#kernel/id-column.ts';
import type { Id } from '#kernel/ids.ts';
import type { MembershipSettings } from './membership-rules.ts';
import type { SamlSettings } from './saml/saml-settings.ts';
import type { ClaimMapping, ClientAuthentication, Endpoints, ProviderName } from './providers/provider.ts';

export type ConnectionId = Id<'con'>;

/** Members of a connection in addition to the row of its provider. */
export type ConnectionSettings = Partial<Endpoints> &
  SamlSettings & {
    issuer?: string;
    scopes?: readonly string[];
    clientAuthentication?: ClientAuthentication;
    /** The algorithms of ID tokens, where the provider uses another one than RS256. */
    idTokenAlgorithms?: readonly string[];
    /** The identifier of a private key at the provider. */
    keyId?: string;
    /** The certificate of that key, in PEM, as the provider knows it. */
    clientCertificate?: string;
    /** The team of an Apple developer, who issues the client secrets. */
    teamId?: string;
    claims?: ClaimMapping;
    /** The claim or attribute from which each custom property of a user is read. */
    properties?: Readonly<Record<string, string>>;
    /** Custom properties follow the provider at each sign-in; otherwise the first sign-in decides. */
    updatesProperties?: boolean;
    /** The identifiers of the clients that may fetch tokens of the provider for its users. */
    tokenClients?: readonly string[];
  } & MembershipSettings;

const instant = () => p.datetime(3).columnType('timestamptz(3)');

const ConnectionSchema = defineEntity({
  name: 'Connection',
  tableName: 'connection',
  triggers: [
    {
      name: 'connection_forgotten',
      timing: 'after',
      events: ['delete'],
      forEach: 'row',
      expression: 'by migration',
    },
  ],
  properties: {
    id: p.type(new IdColumn('con')).primary().$type<ConnectionId>(),
    /** Part of the callback address that the provider knows, so it never changes. */
    slug: p.text().unique('connection_slug_unique'),
    /** Null for a connection of the instance. */
    organizationId: () =>
      p
        .manyToOne(Organization)
        .mapToPk()
        .nullable()
        .fieldName('organization_id')
        .deleteRule('cascade')
        .updateRule('no action')
        .index('connection_organization_id_index'),
    name: p.text(),
    provider: p.text().$type<ProviderName>(),
    /** The name of this instance at the provider. Empty at SAML: the address of our metadata. */
    clientId: p.text(),
    /** The client secret or the private key, under the key ring. */
    sealedSecret: p.text().nullable(),
    settings: p.json<ConnectionSettings>(),
    /** The verified email addresses of the provider count as verified here. */
    trustsEmail: p.boolean(),
    createsUsers: p.boolean(),
    linksByEmail: p.boolean(),
    /** A second factor at the provider counts as a second factor here. */
    trustsFactors: p.boolean(),
    /** Tokens of the provider are kept for applications that act there for a user. */
    storesTokens: p.boolean().default(false),
    /** Environment variables configure it. */
    fromEnvironment: p.boolean().default(false),
    position: p.integer(),
    enabled: p.boolean(),
    /** Counts the changes of what a sign-in under way depends on. */
    version: p.integer(),
    createdAt: instant(),
    updatedAt: instant(),
  },
});
/** A connection to an upstream identity provider (table `connection`). */
export class Connection extends ConnectionSchema.class {}
ConnectionSchema.setClass(Connection);

/** Where a sealed secret belongs; it opens nowhere else. */
export const sealPlace = (id: ConnectionId): string => `connection.sealed_secret:${id}`;
