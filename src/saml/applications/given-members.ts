import type { z } from 'zod';
import { readCertificate } from './certificate.ts';
import { applicationInvalid } from './errors.ts';
import type { ruleShape, sourceShape } from './application-wire.ts';
import type { ApplicationChange } from './application-service.ts';
import type { Consumer, SpCertificate } from './service-provider.ts';

export type Given = z.output<z.ZodObject<typeof sourceShape & typeof ruleShape>> & {
  launch_relay_state?: string | null | undefined;
};

/** The members that an operator names one by one, in addition to metadata. Throws saml.application_invalid. */
export function membersOf(
  given: Omit<Given, 'metadata' | 'metadata_url' | 'metadata_certificates'>,
): ApplicationChange {
  return withoutUndefined({
    entityId: given.entity_id,
    consumers: given.acs_urls && consumersOf(given.acs_urls),
    logoutEndpoints: given.logout_endpoints?.map(({ binding, url, response_url: responseUrl = null }) => ({
      binding,
      url,
      responseUrl,
    })),
    certificates: given.certificates && certificatesOf(given.certificates),
    requiresSignedRequests: given.requires_signed_requests,
    nameIdFormat: given.name_id_format,
    signs: given.signs,
    encrypts: given.encrypts_assertions,
    attributes: given.attributes,
    isLaunchable: given.launchable,
    launchRelayState: given.launch_relay_state,
  });
}

/** Addresses without an index get the next ones; without a default the first one is it (SAML V2.0 Metadata §2.2.3). */
function consumersOf(given: NonNullable<Given['acs_urls']>): Consumer[] {
  const hasDefault = given.some(({ is_default: isDefault }) => isDefault === true);
  return given.map(({ url, index, is_default: isDefault }, at) => ({
    url,
    index: index ?? at,
    isDefault: hasDefault ? isDefault === true : at === 0,
  }));
}

function certificatesOf(given: NonNullable<Given['certificates']>): SpCertificate[] {
  return given.map(({ use = 'both', certificate }, at) => {
    const der = readCertificate(certificate);
    if (der !== null) return { use, der };
    throw applicationInvalid({
      certificates: `holds at ${at} no X.509 certificate with a key of RSA (2048 bits or more) or of P-256, P-384 or P-521`,
    });
  });
}

function withoutUndefined<T extends object>(value: T): { [M in keyof T]?: Exclude<T[M], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [M in keyof T]?: Exclude<T[M], undefined>;
  };
}

/** Of one option: an address; the first one is the default. */
export const collectConsumer = (url: string, previous: unknown): unknown => [
  ...((previous as { url: string }[] | undefined) ?? []),
  { url },
];
