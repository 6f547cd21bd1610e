import {
  certificatesIn,
  type DocumentState,
  type MetadataDocuments,
  MetadataProblem,
  type ReadDocument,
} from '#saml/metadata/module.ts';
import { bindings, type ServiceProviderMetadata } from '#saml/messages/module.ts';
import type { ApplicationChange } from './application-service.ts';
import { readCertificate } from './certificate.ts';
import { metadataRefused } from './errors.ts';
import { type Given, membersOf } from './given-members.ts';
import type { LogoutBinding } from './member-values.ts';
import {
  type LogoutEndpoint,
  type MetadataMember,
  metadataMembers,
  type ServiceProvider,
  type SpCertificate,
} from './service-provider.ts';

/** The members of an application in a document, and where the document came from. */
export type ReadMetadata = Pick<ServiceProvider, 'entityId' | MetadataMember> & DocumentState;

const noDocument: DocumentState & Pick<ServiceProvider, 'ownMembers'> = {
  metadataUrl: null,
  metadataCertificates: [],
  validUntil: null,
  refreshedAt: null,
  dueAt: null,
  problem: null,
  ownMembers: [],
};

/** Reads the members of an application from its metadata (SAML V2.0 Metadata §2.4.4). */
export class MetadataSource {
  readonly #documents: Pick<MetadataDocuments, 'read' | 'download'>;

  constructor({ documents }: { documents: Pick<MetadataDocuments, 'read' | 'download'> }) {
    this.#documents = documents;
  }

  /**
   * The members that an operator gave. One that is named replaces the one of the metadata, and stays when they are read again.
   * Throws saml.application_invalid, saml.metadata_refused.
   */
  async settle(given: Given, present: ServiceProvider | null): Promise<ApplicationChange> {
    const { metadata, metadata_url: url, metadata_certificates: pinned, ...named } = given;
    const own = membersOf(named);
    const ownMembers = metadataMembers.filter((member) => own[member] !== undefined);
    if (url === null && metadata === undefined) return { ...own, ...noDocument };
    if (metadata === undefined && url === undefined && pinned === undefined) return own;
    try {
      if (metadata !== undefined && typeof url === 'string')
        throw new MetadataProblem('metadata must not be given together with metadata_url');
      const certificates =
        pinned === undefined
          ? (present?.metadataCertificates ?? [])
          : certificatesIn(pinned ?? '', 'metadata_certificates');
      const demands = { entityId: given.entity_id ?? null, certificates };
      if (metadata !== undefined)
        return { ...contentOf(await this.#documents.read(metadata, demands)), ...own, ownMembers };
      if (typeof url === 'string')
        return { ...contentOf(await this.#documents.download(url, demands)), ...own, ownMembers };
      if (!present?.metadataUrl) throw new MetadataProblem('metadata_certificates needs metadata or metadata_url');
      const again = await this.readAgain({ ...present, metadataCertificates: certificates });
      return { ...without(again, present.ownMembers), ...own };
    } catch (error) {
      throw error instanceof MetadataProblem ? metadataRefused(error.message) : error;
    }
  }

  /** The metadata of the same entity, signed where they were. Throws MetadataProblem. */
  async readAgain({
    entityId,
    metadataUrl,
    metadataCertificates: certificates,
  }: Pick<ServiceProvider, 'entityId' | 'metadataUrl' | 'metadataCertificates'>): Promise<ReadMetadata> {
    return contentOf(await this.#documents.download(metadataUrl!, { entityId, certificates }));
  }
}

/** The members that were read, without those that an operator named. */
export function without(read: ReadMetadata, ownMembers: readonly MetadataMember[]): Partial<ReadMetadata> {
  return Object.fromEntries(
    Object.entries(read).filter(([member]) => !(ownMembers as readonly string[]).includes(member)),
  );
}

function contentOf({ entity, state }: ReadDocument): ReadMetadata {
  if (entity.serviceProvider === null) throw new MetadataProblem('the metadata must describe a service provider');
  return { entityId: entity.entityId, ...state, ...membersIn(entity.serviceProvider) };
}

/** Requests must be signed where the metadata say that they are. */
function membersIn(metadata: ServiceProviderMetadata): Pick<ServiceProvider, MetadataMember> {
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
