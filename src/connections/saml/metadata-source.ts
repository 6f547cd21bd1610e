/** Where the facts about an identity provider come from, and what of them counts. */
import type { Clock } from '#kernel/clock.ts';
import { isWebAddress } from '#kernel/issuer.ts';
import { bindings, type Endpoint } from '#saml/messages/module.ts';
import {
  certificatesIn,
  type DocumentState,
  type MetadataDocuments,
  MetadataProblem,
  strongCertificates,
} from '#saml/metadata/module.ts';
import { connectionInvalid } from '../errors.ts';
import type { ProviderMetadata, SamlEndpoint, SamlIdentityProvider } from './identity-provider.ts';
import type { SamlBinding } from './saml-settings.ts';
import type { GivenSource } from './saml-wire.ts';

/** Members of a row that its source decides. */
export type Source = Pick<SamlIdentityProvider, 'entityId' | 'metadata'> & DocumentState & { refreshedAt: Date };

type Dependencies = { clock: Clock; documents: Pick<MetadataDocuments, 'read' | 'download'> };

/** Reads metadata from its address, from a text, or from single fields. */
export class MetadataSource {
  readonly #clock: Clock;
  readonly #documents: Dependencies['documents'];

  constructor({ clock, documents }: Dependencies) {
    this.#clock = clock;
    this.#documents = documents;
  }

  /** Reads the source that a caller gave; `present` is the one of the connection. Throws connections.invalid. */
  async read(given: GivenSource, present: SamlIdentityProvider | null = null): Promise<Source> {
    try {
      const certificates =
        given.metadata_certificates === undefined
          ? (present?.metadataCertificates ?? [])
          : certificatesIn(given.metadata_certificates ?? '', 'metadata_certificates');
      const demands = { entityId: given.entity_id ?? null, certificates };
      const url = given.metadata_url === undefined ? present?.metadataUrl : given.metadata_url;
      const isByFields = given.sign_on_url !== undefined || given.certificates !== undefined;
      if (given.metadata) return sourceIn(await this.#documents.read(given.metadata, demands));
      if (url && !isByFields) return sourceIn(await this.#documents.download(url, demands));
      return this.#fromFields(given, present);
    } catch (error) {
      throw error instanceof MetadataProblem ? connectionInvalid(error.message) : error;
    }
  }

  /** Reads the metadata of a connection again: of the same entity, and signed where it was. Throws MetadataProblem. */
  async readAgain({ entityId, metadataUrl, metadataCertificates: certificates }: SamlIdentityProvider) {
    return sourceIn(await this.#documents.download(metadataUrl!, { entityId, certificates }));
  }

  #fromFields(given: GivenSource, present: SamlIdentityProvider | null): Source {
    const entityId = given.entity_id ?? present?.entityId;
    if (!entityId) throw new MetadataProblem('metadata_url, metadata, or entity_id with sign_on_url must be given');
    const before = present?.metadata;
    const binding = given.sign_on_binding ?? before?.signOn[0]?.binding ?? 'redirect';
    const location = given.sign_on_url ?? before?.signOn[0]?.location;
    if (!location) throw new MetadataProblem('sign_on_url must be given');
    const logout =
      given.logout_url === undefined
        ? before?.logout
        : (given.logout_url && [endpoint('redirect', given.logout_url)]) || [];
    return {
      entityId,
      metadata: usable({
        signOn: [endpoint(binding, location)],
        logout: logout ?? [],
        certificates:
          given.certificates === undefined
            ? (before?.certificates ?? [])
            : certificatesIn(given.certificates ?? '', 'certificates'),
        wantsSignedRequests: before?.wantsSignedRequests ?? false,
      }),
      metadataUrl: null,
      metadataCertificates: [],
      validUntil: null,
      refreshedAt: this.#clock.now(),
      dueAt: null,
      problem: null,
    };
  }
}

function sourceIn({ entity, state }: Awaited<ReturnType<MetadataDocuments['read']>>): Source {
  const provider = entity.identityProvider;
  if (provider === null) throw new MetadataProblem('the metadata describes no identity provider');
  return {
    ...state,
    entityId: entity.entityId,
    metadata: usable({
      signOn: endpointsOf(provider.singleSignOnServices),
      logout: endpointsOf(provider.singleLogoutServices),
      certificates: strongCertificates(provider.signingCertificates, 'the metadata'),
      wantsSignedRequests: provider.wantAuthnRequestsSigned,
    }),
  };
}

const endpoint = (binding: SamlBinding, location: string): SamlEndpoint => ({ binding, location });

/** Those with a binding that we speak. */
const endpointsOf = (services: readonly Endpoint[]): SamlEndpoint[] =>
  services.flatMap(({ binding: uri, location, responseLocation }) => {
    const binding = uri === bindings.redirect ? 'redirect' : uri === bindings.post ? 'post' : null;
    if (binding === null) return [];
    return [{ binding, location, ...(responseLocation === null ? {} : { responseLocation }) }];
  });

function usable(metadata: ProviderMetadata): ProviderMetadata {
  if (metadata.signOn.length === 0) throw new MetadataProblem('the provider takes no requests by redirect or by post');
  if (metadata.certificates.length === 0) throw new MetadataProblem('no certificate says what the provider signs with');
  const wrong = [...metadata.signOn, ...metadata.logout].find(
    ({ location, responseLocation = location }) => !isWebAddress(location) || !isWebAddress(responseLocation),
  );
  if (wrong !== undefined)
    throw new MetadataProblem(`the address ${wrong.location} must begin with https:// and have no user`);
  return metadata;
}
