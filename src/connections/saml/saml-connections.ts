import { X509Certificate } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { JobDefinition } from '#kernel/jobs.ts';
import { type MetadataDocuments, MetadataProblem, MetadataRefresh, type RefreshedRows } from '#saml/metadata/module.ts';
import { Connection, type ConnectionId } from '../connection.ts';
import { connectionInvalid, entityTaken } from '../errors.ts';
import { connectionMetadataChanged, connectionMetadataFailed } from '../events.ts';
import { listOf } from '../known-connections.ts';
import { SamlIdentityProvider } from './identity-provider.ts';
import type { MetadataSource, Source } from './metadata-source.ts';
import type { GivenSource } from './saml-wire.ts';

export type SamlConnectionDependencies = {
  clock: Clock;
  database: Pick<Database, 'em' | 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  documents: Pick<MetadataDocuments, 'failed'>;
  source: MetadataSource;
};

/** The identity providers of connections of SAML. */
export class SamlConnections {
  readonly #deps: SamlConnectionDependencies;
  readonly #refresh: MetadataRefresh<SamlIdentityProvider, Source>;

  constructor(dependencies: SamlConnectionDependencies) {
    this.#deps = dependencies;
    const { database, source } = dependencies;
    const rows: RefreshedRows<SamlIdentityProvider, Source> = {
      due: (now, limit) =>
        database.em().find(SamlIdentityProvider, { dueAt: { $lte: now } }, { orderBy: { dueAt: 'asc' }, limit }),
      read: (row) => source.readAgain(row),
      write: (row, outcome, by) => this.#writeAgain(row, outcome, by),
    };
    this.#refresh = new MetadataRefresh(dependencies, rows);
  }

  /** Null for a connection of another protocol, or none. */
  async find(id: ConnectionId): Promise<SamlIdentityProvider | null> {
    return this.#deps.database.em().findOne(SamlIdentityProvider, { connectionId: id });
  }

  async describe(ids: readonly ConnectionId[]): Promise<ReadonlyMap<ConnectionId, SamlIdentityProvider>> {
    const rows = await this.#deps.database.em().find(SamlIdentityProvider, { connectionId: { $in: [...ids] } });
    return new Map(rows.map((row) => [row.connectionId, row]));
  }

  /** When providers whose connections are in use run out of certificates. */
  async certificateEnds() {
    const em = this.#deps.database.em();
    const rows = await em.find(SamlIdentityProvider, {});
    const used = await em.find(Connection, {
      id: { $in: rows.map(({ connectionId }) => connectionId) },
      enabled: true,
    });
    const byId = new Map(rows.map((row) => [row.connectionId, row]));
    return used.flatMap(({ id, slug, name, organizationId = null }) => {
      const ends =
        byId.get(id)?.metadata.certificates.map((pem) => new X509Certificate(pem).validToDate.getTime()) ?? [];
      return ends.length === 0 ? [] : [{ id, slug, name, organizationId, endsAt: new Date(Math.max(...ends)) }];
    });
  }

  /** Reads the source that a caller gave, ahead of the transaction that writes it. Throws connections.invalid. */
  async read(given: GivenSource, id: ConnectionId | null): Promise<Source> {
    return this.#deps.source.read(given, id === null ? null : await this.find(id));
  }

  /** Throws connections.entity_taken. */
  async write(em: EntityManager, { id, organizationId = null }: Connection, source: Source): Promise<void> {
    const present = await em.findOne(SamlIdentityProvider, { connectionId: id });
    if (present === null)
      em.create(SamlIdentityProvider, { connectionId: id, scope: listOf(organizationId), ...source });
    else Object.assign(present, source);
    await em.flush().catch((error: unknown) => {
      throw error instanceof UniqueConstraintViolationException ? entityTaken() : error;
    });
  }

  /** Reads metadata again that is due. Answers how many were. */
  async refreshDue(signal?: AbortSignal): Promise<number> {
    return this.#refresh.refreshDue(signal);
  }

  /** Reads the metadata of one connection again, now. Throws connections.invalid. */
  async refresh(id: ConnectionId, by: By): Promise<void> {
    const row = await this.find(id);
    if (!row?.metadataUrl) throw connectionInvalid('metadata_url must be given before metadata can be read again');
    const problem = await this.#refresh.refresh(row, by);
    if (problem !== null) throw connectionInvalid(problem.message);
  }

  job(): JobDefinition {
    return this.#refresh.job('41 * * * *');
  }

  /** A sign-in under way goes on: the metadata is of the same entity, and answers are verified with the keys of now. */
  async #writeAgain(row: SamlIdentityProvider, outcome: Source | MetadataProblem, by: By) {
    const { database, audit, documents } = this.#deps;
    return database.transaction(async (em) => {
      const present = await em.findOne(SamlIdentityProvider, { connectionId: row.connectionId });
      // Deleted or changed by an operator meanwhile.
      if (present === null || present.metadataUrl !== row.metadataUrl) return null;
      const about = async () => {
        const {
          id,
          slug,
          provider,
          organizationId = null,
        } = await em.findOneOrFail(Connection, {
          id: row.connectionId,
        });
        return {
          of: {
            ...by,
            subject: { type: 'connection', id },
            ...(organizationId === null ? {} : { organizationId }),
          } as const,
          details: { connection: slug, connection_id: id, provider },
        };
      };
      if (outcome instanceof MetadataProblem) {
        const isFirst = !present.problem;
        Object.assign(present, documents.failed(outcome));
        await em.flush();
        if (!isFirst) return outcome;
        const { of, details } = await about();
        const reason = outcome.message;
        await audit.record(
          em,
          connectionMetadataFailed({ ...of, outcome: 'failure', details: { ...details, reason } }),
        );
        return outcome;
      }
      const isChanged = !isDeepStrictEqual(present.metadata, outcome.metadata);
      Object.assign(present, outcome);
      await em.flush();
      if (!isChanged) return null;
      const { of, details } = await about();
      const certificates = outcome.metadata.certificates.length;
      await audit.record(em, connectionMetadataChanged({ ...of, details: { ...details, certificates } }));
      return null;
    });
  }
}
