/** An application that speaks SAML, as operations take and show one. */
import { z } from 'zod';
import type { Client } from '#applications/clients/module.ts';
import { timeSchema } from '#kernel/operations/schemas.ts';
import { LONGEST_CERTIFICATES } from '#saml/metadata/limits.ts';
import { attributesSchema } from './attribute-mapping.ts';
import { shownCertificate } from './certificate.ts';
import {
  LONGEST_ADDRESS,
  LONGEST_CERTIFICATE,
  LONGEST_RELAY_STATE,
  MOST_CERTIFICATES,
  MOST_ENDPOINTS,
} from './limits.ts';
import { nameIdFormats } from './name-id.ts';
import { certificateUses, logoutBindings, signedParts } from './member-values.ts';
import type { MetadataMember, ServiceProvider } from './service-provider.ts';

const address = z.string().min(1).max(LONGEST_ADDRESS);
const consumer = z.strictObject({
  url: address,
  index: z.int().min(0).max(65_535).optional(),
  is_default: z.boolean().optional(),
});
const logoutEndpoint = z.strictObject({
  binding: z.enum(logoutBindings),
  url: address,
  response_url: address.optional(),
});
const certificate = z.strictObject({
  use: z.enum(certificateUses).optional(),
  certificate: z.string().min(1).max(LONGEST_CERTIFICATE),
});

/** Where the members come from the metadata of the application, and each by itself. */
export const sourceShape = {
  metadata: z.string().optional().describe('Metadata of the application, as XML'),
  metadata_url: address.nullable().optional().describe('Address of its metadata, which are read every day'),
  metadata_certificates: z
    .string()
    .trim()
    .min(1)
    .max(LONGEST_CERTIFICATES)
    .nullable()
    .optional()
    .describe('Certificates in PEM: the metadata must be signed with one of them'),
  entity_id: address.optional().describe('Entity identifier of the application; chooses one of several in metadata'),
  acs_urls: z
    .array(consumer)
    .min(1)
    .max(MOST_ENDPOINTS)
    .optional()
    .describe('Assertion consumer service, to which browsers post responses'),
  logout_endpoints: z
    .array(logoutEndpoint)
    .max(MOST_ENDPOINTS)
    .optional()
    .describe('Single logout service with its binding: redirect, post or soap'),
  certificates: z
    .array(certificate)
    .max(MOST_CERTIFICATES)
    .optional()
    .describe('Certificate of the application for signatures, encryption or both'),
} as const;

export const ruleShape = {
  requires_signed_requests: z.boolean().optional().describe('Sign-in requests need a valid signature'),
  name_id_format: z
    .enum(nameIdFormats)
    .optional()
    .describe('The identifier that the application gets; persistent by default'),
  signs: z.enum(signedParts).optional().describe('Signed parts; response_and_assertion by default'),
  encrypts_assertions: z.boolean().optional().describe('Assertions are encrypted to its certificate'),
  attributes: attributesSchema.optional().describe('Attributes with their sources, as JSON'),
  launchable: z.boolean().optional().describe('A sign-in may begin here, and users see a tile'),
} as const;

export const applicationSchema = z.strictObject({
  client_id: z.string(),
  client_name: z.string(),
  first_party: z.boolean(),
  disabled: z.boolean(),
  entity_id: z.string(),
  acs_urls: z.array(consumer.required()),
  logout_endpoints: z.array(logoutEndpoint),
  certificates: z.array(
    z.strictObject({
      use: z.enum(certificateUses),
      subject: z.string(),
      not_before: timeSchema,
      not_after: timeSchema,
      fingerprint_sha256: z.string(),
    }),
  ),
  requires_signed_requests: z.boolean(),
  name_id_format: z.enum(nameIdFormats),
  signs: z.enum(signedParts),
  encrypts_assertions: z.boolean(),
  attributes: attributesSchema,
  launchable: z.boolean(),
  launch_relay_state: z.string().nullable(),
  metadata_url: z.string().nullable(),
  metadata_is_signed: z.boolean(),
  metadata_read_at: timeSchema.nullable(),
  metadata_valid_until: timeSchema.nullable(),
  metadata_problem: z.string().nullable().describe('Why they could not be read again'),
  named_members: z.array(z.string()).describe('Members that metadata do not change, because an operator named them'),
  identity_provider: z.strictObject({
    entity_id: z.string().describe('Our entity identifier for this application, and the address of our metadata'),
    sign_in_url: z.string(),
    logout_url: z.string(),
    launch_url: z.string(),
  }),
  warnings: z.array(z.string()).optional().describe('Certificates and metadata that end soon, or ended'),
});

const wireNames: Readonly<Record<MetadataMember, string>> = {
  consumers: 'acs_urls',
  logoutEndpoints: 'logout_endpoints',
  certificates: 'certificates',
  requiresSignedRequests: 'requires_signed_requests',
};

/** Addresses of ours for one application. */
export function ownUrls(issuer: string, clientId: string) {
  const base = `${issuer}/saml/applications/${clientId}`;
  return { metadata: `${base}/metadata`, sso: `${base}/sso`, slo: `${base}/slo`, launch: `${base}/launch` };
}

export const launchRelayState = z.string().max(LONGEST_RELAY_STATE);

/** An application as the command line and the management API show one. */
export function applicationOnWire(
  { client, provider }: { client: Client; provider: ServiceProvider },
  { issuer, warnings }: { issuer: string; warnings: readonly string[] },
): z.input<typeof applicationSchema> {
  const urls = ownUrls(issuer, client.clientId);
  return {
    client_id: client.clientId,
    client_name: client.name,
    first_party: client.firstParty,
    disabled: client.disabled,
    entity_id: provider.entityId,
    acs_urls: provider.consumers.map(({ url, index, isDefault }) => ({ url, index, is_default: isDefault })),
    logout_endpoints: provider.logoutEndpoints.map(({ binding, url, responseUrl }) => ({
      binding,
      url,
      ...(responseUrl === null ? {} : { response_url: responseUrl }),
    })),
    certificates: provider.certificates.map(shownCertificate),
    requires_signed_requests: provider.requiresSignedRequests,
    name_id_format: provider.nameIdFormat,
    signs: provider.signs,
    encrypts_assertions: provider.encrypts,
    attributes: [...provider.attributes],
    launchable: provider.isLaunchable,
    launch_relay_state: provider.launchRelayState ?? null,
    metadata_url: provider.metadataUrl ?? null,
    metadata_is_signed: provider.metadataCertificates.length > 0,
    metadata_read_at: provider.refreshedAt?.toISOString() ?? null,
    metadata_valid_until: provider.validUntil?.toISOString() ?? null,
    metadata_problem: provider.problem ?? null,
    named_members: provider.ownMembers.map((member) => wireNames[member]),
    identity_provider: {
      entity_id: urls.metadata,
      sign_in_url: urls.sso,
      logout_url: urls.slo,
      launch_url: urls.launch,
    },
    ...(warnings.length > 0 ? { warnings: [...warnings] } : {}),
  };
}
