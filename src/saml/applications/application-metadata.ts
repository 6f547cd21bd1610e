import { isDeepStrictEqual } from 'node:util';
import { takeClient } from '#applications/clients/module.ts';
import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { AppError } from '#kernel/errors.ts';
import type { JobDefinition } from '#kernel/jobs.ts';
import { type MetadataDocuments, MetadataProblem, MetadataRefresh, type RefreshedRows } from '#saml/metadata/module.ts';
import { requireUsable } from './application-rules.ts';
import { applicationNotFound, metadataRefused } from './errors.ts';
import { samlApplicationMetadataChanged, samlApplicationMetadataFailed } from './events.ts';
import { type MetadataSource, type ReadMetadata, without } from './metadata-source.ts';
import { metadataMembers, ServiceProvider } from './service-provider.ts';

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'em' | 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  documents: Pick<MetadataDocuments, 'failed'>;
  source: Pick<MetadataSource, 'readAgain'>;
};

/** The metadata of applications, which are read again every day. */
export class ApplicationMetadata {
  readonly #deps: Dependencies;
  readonly #refresh: MetadataRefresh<ServiceProvider, ReadMetadata>;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
    const { database, source } = dependencies;
    const rows: RefreshedRows<ServiceProvider, ReadMetadata> = {
      due: (now, limit) =>
        database.em().find(ServiceProvider, { dueAt: { $lte: now } }, { orderBy: { dueAt: 'asc' }, limit }),
      read: (provider) => source.readAgain(provider),
      write: (provider, outcome, by) => this.#write(provider, outcome, by),
    };
    this.#refresh = new MetadataRefresh(dependencies, rows);
  }

  /** Answers how many were due. */
  async refreshDue(signal?: AbortSignal): Promise<number> {
    return this.#refresh.refreshDue(signal);
  }

  /** Reads the metadata of one application again, now. Throws saml.application_not_found, saml.metadata_refused. */
  async refresh(clientId: string, by: By): Promise<void> {
    const provider = await this.#deps.database.em().findOne(ServiceProvider, { clientId });
    if (provider === null) throw applicationNotFound();
    if (!provider.metadataUrl) throw metadataRefused('the application has no metadata_url');
    const problem = await this.#refresh.refresh(provider, by);
    if (problem !== null) throw metadataRefused(problem.message);
  }

  job(): JobDefinition {
    return this.#refresh.job('23 * * * *');
  }

  /** Answers the problem that is written. */
  async #write({ clientId, metadataUrl }: ServiceProvider, read: ReadMetadata | MetadataProblem, by: By) {
    const { clock, database, audit, documents } = this.#deps;
    return database.transaction(async (em) => {
      if ((await em.count(ServiceProvider, { clientId })) === 0) return null;
      await takeClient(em, clientId);
      const present = await em.findOneOrFail(ServiceProvider, { clientId });
      // Changed by an operator meanwhile.
      if (present.metadataUrl !== metadataUrl) return null;
      const of = { ...by, subject: { type: 'client', id: clientId }, clientId } as const;
      const { entityId } = present;
      const next = read instanceof MetadataProblem ? read : changeOf(present, read, clock.now());
      if (next instanceof MetadataProblem) {
        const isFirst = !present.problem;
        Object.assign(present, documents.failed(next));
        await em.flush();
        const details = { entity_id: entityId, reason: next.message };
        if (isFirst) await audit.record(em, samlApplicationMetadataFailed({ ...of, outcome: 'failure', details }));
        return next;
      }
      const members = metadataMembers.filter(
        (member) => member in next && !isDeepStrictEqual(present[member], next[member]),
      );
      Object.assign(present, next);
      if (members.includes('certificates')) present.warnedDays = null;
      if (members.length > 0) present.updatedAt = clock.now();
      await em.flush();
      const details = { entity_id: entityId, members };
      if (members.length > 0) await audit.record(em, samlApplicationMetadataChanged({ ...of, details }));
      return null;
    });
  }
}

/** The members that the metadata change. Requests that had to be signed still have to be, whatever the metadata say later. */
function changeOf(present: ServiceProvider, read: ReadMetadata, now: Date): Partial<ReadMetadata> | MetadataProblem {
  const requiresSignedRequests = present.requiresSignedRequests || read.requiresSignedRequests;
  const change = without({ ...read, requiresSignedRequests }, present.ownMembers);
  try {
    requireUsable({ ...present, ...change }, now);
    return change;
  } catch (error) {
    if (error instanceof AppError) return new MetadataProblem(error.message.replace(/\.$/, ''));
    throw error;
  }
}
