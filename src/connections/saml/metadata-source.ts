/** Where the facts about an identity provider come from, and what of them counts. */
import { type Clock, fromNow } from '#kernel/clock.ts';
import { type Outbound, OutboundError } from '#kernel/http/outbound.ts';
import { bindings, type Endpoint, type MessageReader, readCertificate } from '#saml/messages/module.ts';
import { isAddress } from '../connection-rules.ts';
import { connectionInvalid } from '../errors.ts';
import { METADATA_REFRESHED_AFTER, MOST_CERTIFICATES } from '../limits.ts';
import type { ProviderMetadata, SamlEndpoint, SamlIdentityProvider } from './identity-provider.ts';
import type { SamlBinding } from './saml-settings.ts';
import type { GivenSource } from './saml-wire.ts';

/** Members of a row that its source decides. */
export type Source = Pick<SamlIdentityProvider, 'entityId' | 'metadata' | 'metadataCertificates' | 'refreshedAt'> & {
  metadataUrl: string | null;
  validUntil: Date | null;
  dueAt: Date | null;
  problem: null;
};

/** Why metadata is not taken, in words for the operator. */
export class MetadataProblem extends Error {
  override readonly name = 'MetadataProblem';
}

type Dependencies = {
  clock: Clock;
  fetch: Outbound['fetch'];
  messages: Pick<MessageReader, 'readMetadata'>;
};

/** Reads metadata from its address, from a text, or from single fields. */
export class MetadataSource {
  readonly #clock: Clock;
  readonly #fetch: Outbound['fetch'];
  readonly #messages: Pick<MessageReader, 'readMetadata'>;

  /** `fetch`: through the guard of outgoing requests, with a limit for metadata. */
  constructor({ clock, fetch, messages }: Dependencies) {
    this.#messages = messages;
    this.#clock = clock;
    this.#fetch = fetch;
  }

  /** Reads the source that a caller gave; `present` is the one of the connection. Throws connections.invalid. */
  async read(given: GivenSource, present: SamlIdentityProvider | null = null): Promise<Source> {
    try {
      const pinned =
        given.metadata_certificates === undefined
          ? (present?.metadataCertificates ?? [])
          : certificatesIn(given.metadata_certificates ?? '', 'metadata_certificates');
      const url = given.metadata_url === undefined ? present?.metadataUrl : given.metadata_url;
      const isByFields = given.sign_on_url !== undefined || given.certificates !== undefined;
      if (given.metadata) return await this.#fromText(given.metadata, given.entity_id ?? null, pinned, null);
      if (url && !isByFields) return await this.#fromUrl(url, given.entity_id ?? null, pinned);
      return this.#fromFields(given, present);
    } catch (error) {
      throw error instanceof MetadataProblem ? connectionInvalid(error.message) : error;
    }
  }

  /** Reads the metadata of a connection again: of the same entity, and signed where it was. Throws MetadataProblem. */
  async readAgain({ entityId, metadataUrl, metadataCertificates }: SamlIdentityProvider): Promise<Source> {
    return this.#fromUrl(metadataUrl!, entityId, metadataCertificates);
  }

  async #fromUrl(url: string, entityId: string | null, pinned: readonly string[]): Promise<Source> {
    if (!isAddress(url))
      throw new MetadataProblem('metadata_url must begin with https:// and have no user and no fragment');
    let text: string;
    try {
      const answer = await this.#fetch(url, {
        headers: { accept: 'application/samlmetadata+xml, application/xml, text/xml' },
      });
      if (answer.status !== 200) throw new MetadataProblem(`metadata_url answers with status ${answer.status}`);
      text = await answer.text();
    } catch (error) {
      throw error instanceof OutboundError ? new MetadataProblem(`metadata_url: ${error.shown}`) : error;
    }
    return this.#fromText(text, entityId, pinned, url);
  }

  async #fromText(
    text: string,
    entityId: string | null,
    pinned: readonly string[],
    metadataUrl: string | null,
  ): Promise<Source> {
    const read = await this.#messages.readMetadata(text, {
      now: this.#clock.now(),
      ...(entityId === null ? {} : { entityId }),
      ...(pinned.length === 0 ? {} : { certificates: pinned }),
    });
    if (read.kind === 'refused') throw new MetadataProblem(`the metadata is refused: ${read.reason}`);
    const { value: entity } = read;
    const provider = entity.identityProvider;
    if (provider === null) throw new MetadataProblem('the metadata describes no identity provider');
    return {
      entityId: entity.entityId,
      metadata: usable({
        signOn: endpointsOf(provider.singleSignOnServices),
        logout: endpointsOf(provider.singleLogoutServices),
        certificates: strong(provider.signingCertificates, 'the metadata'),
        wantsSignedRequests: provider.wantAuthnRequestsSigned,
      }),
      metadataUrl,
      metadataCertificates: pinned,
      validUntil: entity.validUntil,
      refreshedAt: this.#clock.now(),
      dueAt: metadataUrl === null ? null : fromNow(this.#clock, METADATA_REFRESHED_AFTER),
      problem: null,
    };
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
    ({ location, responseLocation = location }) => !isAddress(location) || !isAddress(responseLocation),
  );
  if (wrong !== undefined)
    throw new MetadataProblem(`the address ${wrong.location} must begin with https:// and have no user`);
  return metadata;
}

/** The certificates of a text in PEM, one after the other. */
function certificatesIn(text: string, member: string): readonly string[] {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0 && text !== '') throw new MetadataProblem(`${member} must be in PEM`);
  return strong(found, member);
}

/** Weak keys are refused here and when a signature is verified. */
function strong(certificates: readonly string[], where: string): readonly string[] {
  const read = [...new Set(certificates)].map((text) => readCertificate(text));
  if (read.length > MOST_CERTIFICATES) throw new MetadataProblem(`${where}: at most ${MOST_CERTIFICATES} certificates`);
  return read.map((facts) => {
    if (facts === null) throw new MetadataProblem(`${where}: one certificate cannot be read`);
    if (!facts.isStrong)
      throw new MetadataProblem(
        `${where}: the key of a certificate is too weak; RSA needs 2048 bits, EC a curve of NIST`,
      );
    return facts.pem;
  });
}
