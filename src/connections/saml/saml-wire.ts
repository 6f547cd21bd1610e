/** Connections of SAML as operations take and answer them. */
import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { timeSchema } from '#kernel/operations/schemas.ts';
import { LONGEST_CERTIFICATES } from '#saml/metadata/limits.ts';
import { LONGEST_ADDRESS, LONGEST_IDENTIFIER, LONGEST_METADATA } from '../limits.ts';
import type { SamlIdentityProvider } from './identity-provider.ts';
import { presetNames } from './presets.ts';
import { nameIdFormatNames, samlBindings, signatureDemands } from './saml-settings.ts';
import type { ServiceProvider } from './service-provider.ts';

const address = z.string().max(LONGEST_ADDRESS);
const certificates = z.string().trim().min(1).max(LONGEST_CERTIFICATES);

export const samlSettingsShape = {
  preset: z.enum(presetNames).describe('Product, whose names of SAML attributes are read; default: the usual names'),
  name_id_format: z.enum(nameIdFormatNames).describe('Format of the NameID that requests of SAML ask for'),
  required_signature: z
    .enum(signatureDemands)
    .describe('Part of SAML answers that must be signed; default: the assertion'),
  allows_cbc: z
    .boolean()
    .describe('Assertions encrypted with AES-CBC count although the answer around them is not signed'),
  allows_unsolicited: z
    .boolean()
    .describe('SAML answers without a request lead to a page that offers to sign in; default: they are refused'),
  landing_client_id: z
    .string()
    .min(1)
    .max(LONGEST_IDENTIFIER)
    .describe('Client whose application begins the sign-in after such an answer; default: the account page'),
  signs_requests: z.boolean().describe('SAML requests are signed; default: they are'),
  request_binding: z.enum(samlBindings).describe('How SAML requests go out; default: what the metadata offers'),
  mfa_contexts: z
    .array(z.string().min(1).max(LONGEST_IDENTIFIER))
    .min(1)
    .max(10)
    .describe(
      'Authentication context (SAML, or acr of OpenID Connect) that proves a second factor, and is asked for where one is needed',
    ),
} as const;

/** Where the facts about an identity provider come from: its metadata, or single fields. */
export const samlSourceShape = {
  metadata_url: address.describe('Address of the metadata of the SAML provider, which is read every day'),
  metadata: z.string().min(1).max(LONGEST_METADATA).describe('Metadata of the SAML provider, in XML'),
  metadata_certificates: certificates.describe(
    'Certificates in PEM: the SAML metadata must be signed with one of them',
  ),
  entity_id: address.describe('Entity ID of the SAML provider; with metadata: the entity in it'),
  sign_on_url: address.describe('Address of the SAML provider that takes requests, where there is no metadata'),
  sign_on_binding: z.enum(samlBindings).describe('How that address takes requests; default: redirect'),
  logout_url: address.describe('Address of the SAML provider that takes sign-outs, where there is no metadata'),
  certificates: certificates.describe(
    'Certificates in PEM that the SAML provider signs with, where there is no metadata',
  ),
} as const;
type SourceMember = keyof typeof samlSourceShape;
/** The source as a caller gave it. */
export type GivenSource = { [Member in SourceMember]?: z.output<(typeof samlSourceShape)[Member]> | null | undefined };

const endpointsSchema = z.array(
  z.strictObject({ binding: z.enum(samlBindings), url: z.string(), response_url: z.string().optional() }),
);

/** The members `service_provider` and `identity_provider` of a connection. */
export const samlShownShape = {
  service_provider: z
    .strictObject({ entity_id: z.string(), acs_url: z.string(), logout_url: z.string(), metadata_url: z.string() })
    .optional(),
  identity_provider: z
    .strictObject({
      entity_id: z.string(),
      sign_on: endpointsSchema,
      logout: endpointsSchema,
      certificates: z.array(z.strictObject({ subject: z.string(), fingerprint: z.string(), expires_at: timeSchema })),
      metadata_url: z.string().optional(),
      metadata_is_signed: z.boolean(),
      refreshed_at: timeSchema,
      valid_until: timeSchema.optional(),
      problem: z.string().optional(),
    })
    .optional(),
} as const;

const sourceMembers = Object.keys(samlSourceShape) as SourceMember[];

/** The members of a call that say where the identity provider is; null where none was given. */
export function sourceOf(given: GivenSource): GivenSource | null {
  const named = sourceMembers.filter((member) => given[member] !== undefined);
  return named.length === 0 ? null : Object.fromEntries(named.map((member) => [member, given[member]]));
}

type Shown = { [Member in keyof typeof samlShownShape]?: z.input<(typeof samlShownShape)[Member]> };

/** Both sides of a connection of SAML. */
export function samlOnWire(row: SamlIdentityProvider, ours: ServiceProvider): Shown {
  const { entityId, metadata, metadataUrl, metadataCertificates, refreshedAt, validUntil, problem } = row;
  return {
    service_provider: {
      entity_id: ours.entityId,
      acs_url: ours.acsUrl,
      logout_url: ours.logoutUrl,
      metadata_url: ours.metadataUrl,
    },
    identity_provider: {
      entity_id: entityId,
      sign_on: metadata.signOn.map(endpointOnWire),
      logout: metadata.logout.map(endpointOnWire),
      certificates: metadata.certificates.map(certificateOnWire),
      ...(metadataUrl ? { metadata_url: metadataUrl } : {}),
      metadata_is_signed: metadataCertificates.length > 0,
      refreshed_at: refreshedAt.toISOString(),
      ...(validUntil ? { valid_until: validUntil.toISOString() } : {}),
      ...(problem ? { problem } : {}),
    },
  };
}

const endpointOnWire = ({
  binding,
  location,
  responseLocation,
}: SamlIdentityProvider['metadata']['signOn'][number]) => ({
  binding,
  url: location,
  ...(responseLocation === undefined ? {} : { response_url: responseLocation }),
});

function certificateOnWire(pem: string) {
  const certificate = new X509Certificate(pem);
  return {
    subject: certificate.subject.replaceAll('\n', ', '),
    fingerprint: certificate.fingerprint256,
    expires_at: certificate.validToDate.toISOString(),
  };
}
