import type { Clock } from '#kernel/clock.ts';
import type { Outbound } from '#kernel/http/outbound.ts';
import { OutboundError } from '#kernel/http/outbound.ts';
import { bindings, type MessageReader, type ServiceProviderMetadata } from '#saml/messages/module.ts';
import type { ApplicationChange } from './application-service.ts';
import { readCertificate } from './certificate.ts';
import { applicationInvalid } from './errors.ts';
import { LARGEST_METADATA, METADATA_TIMEOUT } from './limits.ts';
import type { LogoutBinding } from './member-values.ts';
import type { LogoutEndpoint, SpCertificate } from './service-provider.ts';

export type MetadataSourceDependencies = {
  clock: Clock;
  /** The one way out of this process. */
  outbound: Pick<Outbound, 'fetchOk'>;
  messages: Pick<MessageReader, 'readMetadata'>;
};

/** Where the metadata of an application are: the document itself, or its address. */
type GivenMetadata = { metadata?: string | undefined; metadataUrl?: string | undefined };

/** Reads the members of an application from its metadata (SAML V2.0 Metadata §2.4.4). */
export class MetadataSource {
  readonly #deps: MetadataSourceDependencies;

  constructor(dependencies: MetadataSourceDependencies) {
    this.#deps = dependencies;
  }

  /** Nothing where no metadata are given. Throws saml.application_invalid. */
  async members({ metadata, metadataUrl }: GivenMetadata, entityId: string | undefined): Promise<ApplicationChange> {
    if (metadata !== undefined && metadataUrl !== undefined)
      throw applicationInvalid({ metadata: 'must not be given together with metadata_url' });
    const document = metadata ?? (metadataUrl === undefined ? undefined : await this.#download(metadataUrl));
    if (document === undefined) return {};
    const member = metadata === undefined ? 'metadata_url' : 'metadata';
    const read = await this.#deps.messages.readMetadata(document, { now: this.#deps.clock.now(), entityId });
    if (read.kind === 'refused') throw applicationInvalid({ [member]: `cannot be read: ${read.reason}` });
    if (read.value.serviceProvider === null)
      throw applicationInvalid({ [member]: 'must describe a service provider, which signs users in' });
    return {
      entityId: read.value.entityId,
      metadataUrl: metadataUrl ?? null,
      ...membersOf(read.value.serviceProvider),
    };
  }

  async #download(url: string): Promise<string> {
    if (URL.parse(url) === null) throw applicationInvalid({ metadata_url: 'must be an address' });
    try {
      const limits = { totalTimeout: METADATA_TIMEOUT, maxBytes: LARGEST_METADATA };
      return await (await this.#deps.outbound.fetchOk(url, {}, limits)).text();
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error;
      throw applicationInvalid({ metadata_url: `cannot be read: ${error.shown}` });
    }
  }
}

/** Requests must be signed where the metadata say that they are. */
function membersOf(metadata: ServiceProviderMetadata): ApplicationChange {
  return {
    consumers: metadata.assertionConsumerServices
      .filter(({ binding }) => binding === bindings.post)
      .map(({ location: url, index, isDefault }) => ({ url, index, isDefault })),
    logoutEndpoints: metadata.singleLogoutServices.flatMap(({ binding, location, responseLocation }) => {
      const name = bindingOf(binding);
      return name === null
        ? []
        : ({ binding: name, url: location, responseUrl: responseLocation } satisfies LogoutEndpoint);
    }),
    certificates: certificatesOf(metadata),
    requiresSignedRequests: metadata.authnRequestsSigned && metadata.signingCertificates.length > 0,
  };
}

const bindingOf = (uri: string): LogoutBinding | null =>
  (['redirect', 'post', 'soap'] as const).find((name) => bindings[name] === uri) ?? null;

/** A certificate that stands for both uses counts once. Keys that are too weak are left out, and what needs them is refused. */
function certificatesOf({ signingCertificates, encryptionCertificates }: ServiceProviderMetadata): SpCertificate[] {
  const uses = new Map<string, SpCertificate['use']>();
  const read = (use: 'signing' | 'encryption', all: readonly string[]): void => {
    for (const der of all.flatMap((pem) => readCertificate(pem) ?? []))
      uses.set(der, (uses.get(der) ?? use) === use ? use : 'both');
  };
  read('signing', signingCertificates);
  read('encryption', encryptionCertificates);
  return [...uses].map(([der, use]) => ({ use, der }));
}
