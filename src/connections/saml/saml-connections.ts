import { isDeepStrictEqual } from 'node:util';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import { type AuditLog, system } from '#audit/module.ts';
import { type Clock, fromNow } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { JobDefinition } from '#kernel/jobs.ts';
import type { Log } from '#kernel/log.ts';
import { Connection, type ConnectionId } from '../connection.ts';
import { entityTaken } from '../errors.ts';
import { connectionMetadataChanged } from '../events.ts';
import { listOf } from '../known-connections.ts';
import { METADATA_TRIED_AGAIN_AFTER, REFRESH_BATCH, REFRESH_JOB_EXPIRY } from '../limits.ts';
import { SamlIdentityProvider } from './identity-provider.ts';
import { MetadataProblem, type MetadataSource, type Source } from './metadata-source.ts';
import type { GivenSource } from './saml-wire.ts';

export type SamlConnectionDependencies = {
  clock: Clock;
  database: Pick<Database, 'em' | 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  log: Pick<Log, 'warn'>;
  source: MetadataSource;
};

/** The identity providers of connections of SAML. */
export class SamlConnections {
  readonly #deps: SamlConnectionDependencies;

  constructor(dependencies: SamlConnectionDependencies) {
    this.#deps = dependencies;
  }

  /** Null for a connection of another protocol, or none. */
  async find(id: ConnectionId): Promise<SamlIdentityProvider | null> {
    return this.#deps.database.em().findOne(SamlIdentityProvider, { connectionId: id });
  }

  async describe(ids: readonly ConnectionId[]): Promise<ReadonlyMap<ConnectionId, SamlIdentityProvider>> {
    const rows = await this.#deps.database.em().find(SamlIdentityProvider, { connectionId: { $in: [...ids] } });
    return new Map(rows.map((row) => [row.connectionId, row]));
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

  /** Reads metadata again that is due. Answers how many were read. */
  async refreshDue(signal?: AbortSignal): Promise<number> {
    const { clock, database } = this.#deps;
    const due = await database
      .em()
      .find(
        SamlIdentityProvider,
        { dueAt: { $lte: clock.now() } },
        { orderBy: { dueAt: 'asc' }, limit: REFRESH_BATCH },
      );
    for (const row of due) {
      if (signal?.aborted === true) break;
      await this.#refresh(row);
    }
    return due.length;
  }

  job(): JobDefinition {
    return {
      schedule: '41 * * * *',
      retries: 0,
      backoff: { first: 0, max: 0 },
      expire: REFRESH_JOB_EXPIRY,
      handler: async ({ signal }) => void (await this.refreshDue(signal)),
    };
  }

  /** A sign-in under way goes on: the metadata is of the same entity, and answers are verified with the keys of now. */
  async #refresh(row: SamlIdentityProvider): Promise<void> {
    const { clock, database, audit, log, source } = this.#deps;
    const read = await source.readAgain(row).catch((error: unknown) => {
      if (error instanceof MetadataProblem) return error.message;
      throw error;
    });
    await database.transaction(async (em) => {
      const present = await em.findOne(SamlIdentityProvider, { connectionId: row.connectionId });
      // Deleted or changed by an operator meanwhile.
      if (present === null || present.metadataUrl !== row.metadataUrl) return;
      if (typeof read === 'string') {
        log.warn(
          { connection: row.connectionId, problem: read },
          'the metadata of an identity provider cannot be read',
        );
        Object.assign(present, { problem: read, dueAt: fromNow(clock, METADATA_TRIED_AGAIN_AFTER) });
        await em.flush();
        return;
      }
      const isChanged = !isDeepStrictEqual(present.metadata, read.metadata);
      Object.assign(present, read);
      await em.flush();
      if (!isChanged) return;
      const { slug, provider, organizationId = null } = await em.findOneOrFail(Connection, { id: row.connectionId });
      await audit.record(
        em,
        connectionMetadataChanged({
          ...system,
          subject: { type: 'connection', id: row.connectionId },
          ...(organizationId === null ? {} : { organizationId }),
          details: {
            connection: slug,
            connection_id: row.connectionId,
            provider,
            certificates: read.metadata.certificates.length,
          },
        }),
      );
    });
  }
}
