import { type Clock, fromNow } from '#kernel/clock.ts';
import { type Outbound, OutboundError } from '#kernel/http/outbound.ts';
import { isWebAddress } from '#kernel/issuer.ts';
import type { EntityMetadata, MessageReader } from '#saml/messages/module.ts';
import { LARGEST_METADATA, METADATA_TIMEOUT, REFRESHED_AFTER, TRIED_AGAIN_AFTER } from './limits.ts';
import { MetadataProblem } from './metadata-problem.ts';

/** Members of a row whose content comes from a document. */
export type DocumentState = {
  /** Null where the document was given. */
  metadataUrl: string | null;
  /** In PEM: one of these must have signed the document. None: it may be unsigned. */
  metadataCertificates: readonly string[];
  /** After this time the document says nothing any more. */
  validUntil: Date | null;
  refreshedAt: Date | null;
  /** When it is read again; null where it was given. */
  dueAt: Date | null;
  /** Why it could not be read again; null after a good reading. */
  problem: string | null;
};

type Demands = {
  /** The entity to read; null where the document has one. */
  entityId: string | null;
  certificates: readonly string[];
};
export type ReadDocument = { entity: EntityMetadata; state: DocumentState & { refreshedAt: Date; problem: null } };

export type DocumentDependencies = {
  clock: Clock;
  /** The one way out of this process: it refuses private addresses. */
  outbound: Pick<Outbound, 'limited'>;
  messages: Pick<MessageReader, 'readMetadata'>;
};

/** Metadata of other parties (SAML V2.0 Metadata §2). */
export class MetadataDocuments {
  readonly #clock: Clock;
  readonly #ask: Outbound['fetch'];
  readonly #messages: Pick<MessageReader, 'readMetadata'>;

  constructor({ clock, outbound, messages }: DocumentDependencies) {
    this.#clock = clock;
    this.#ask = outbound.limited({ totalTimeout: METADATA_TIMEOUT, maxBytes: LARGEST_METADATA });
    this.#messages = messages;
  }

  /** Throws MetadataProblem. */
  async download(url: string, demands: Demands): Promise<ReadDocument> {
    if (!isWebAddress(url))
      throw new MetadataProblem('metadata_url must begin with https:// and have no user and no fragment');
    return this.#read(await this.#textAt(url), demands, url);
  }

  /** Throws MetadataProblem. */
  async read(text: string, demands: Demands): Promise<ReadDocument> {
    return this.#read(text, demands, null);
  }

  /** Members of a row after a failure, until the next attempt. */
  failed({ message }: MetadataProblem): Pick<DocumentState, 'problem' | 'dueAt'> {
    return { problem: message, dueAt: fromNow(this.#clock, TRIED_AGAIN_AFTER) };
  }

  async #textAt(url: string): Promise<string> {
    try {
      const answer = await this.#ask(url, {
        headers: { accept: 'application/samlmetadata+xml, application/xml, text/xml' },
      });
      if (answer.status !== 200) throw new MetadataProblem(`metadata_url answers with status ${answer.status}`);
      return await answer.text();
    } catch (error) {
      throw error instanceof OutboundError ? new MetadataProblem(`metadata_url: ${error.shown}`) : error;
    }
  }

  async #read(text: string, { entityId, certificates }: Demands, metadataUrl: string | null): Promise<ReadDocument> {
    const now = this.#clock.now();
    const read = await this.#messages.readMetadata(text, { now, entityId: entityId ?? undefined, certificates });
    if (read.kind === 'refused') throw new MetadataProblem(`the metadata is refused: ${read.reason}`);
    return {
      entity: read.value,
      state: {
        metadataUrl,
        metadataCertificates: certificates,
        validUntil: read.value.validUntil,
        refreshedAt: now,
        dueAt: metadataUrl === null ? null : fromNow(this.#clock, REFRESHED_AFTER),
        problem: null,
      },
    };
  }
}
