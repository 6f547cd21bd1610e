import { UniqueConstraintViolationException } from '@mikro-orm/core';
import { type Client, type ClientService, takeClient } from '#applications/clients/module.ts';
import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { containing, type Page, pageFind, pageOf, type PageRequest } from '#kernel/operations/list-operation.ts';
import { requireUsable } from './application-rules.ts';
import { usualAttributes } from './attribute-mapping.ts';
import { applicationNotFound, entityIdTaken } from './errors.ts';
import { endOfCertificates } from './expiry.ts';
import { samlApplicationChanged, samlApplicationCreated } from './events.ts';
import { metadataMembers, ServiceProvider } from './service-provider.ts';

type Members = Omit<ServiceProvider, 'client' | 'clientId' | 'warnedDays' | 'updatedAt'>;
/** The members that an application has before an operator decides otherwise. */
const defaults = {
  logoutEndpoints: [],
  certificates: [],
  requiresSignedRequests: false,
  nameIdFormat: 'persistent',
  signs: 'response_and_assertion',
  encrypts: false,
  attributes: usualAttributes,
  isLaunchable: false,
  launchRelayState: null,
  metadataUrl: null,
  metadataCertificates: [],
  ownMembers: [],
  validUntil: null,
  refreshedAt: null,
  dueAt: null,
  problem: null,
} satisfies Partial<Members>;

type NewApplication = Partial<Members> &
  Pick<Members, 'entityId' | 'consumers'> & { name: string; clientId?: string | undefined; firstParty?: boolean };
export type ApplicationChange = Partial<Members>;
export type Application = { client: Client; provider: ServiceProvider };

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'em' | 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  clients: Pick<ClientService, 'add' | 'find' | 'delete'>;
};

/** Applications that speak SAML, as operators manage them. */
export class ApplicationService {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Throws saml.application_invalid, saml.entity_id_taken, clients.client_id_taken, clients.client_id_retired, clients.metadata_invalid. */
  async create({ name, clientId, firstParty, ...given }: NewApplication, by: By): Promise<Application> {
    const { clock, database, clients, audit } = this.#deps;
    const members = { ...defaults, ...given };
    requireUsable(members, clock.now());
    return database.transaction(async (em) => {
      await requireFree(em, members.entityId);
      const { client } = await clients.add(em, { name, type: 'saml', clientId, firstParty }, by);
      const provider = em.create(ServiceProvider, {
        ...members,
        client: client.id,
        clientId: client.clientId,
        warnedDays: null,
        updatedAt: clock.now(),
      });
      await flush(em);
      await audit.record(em, samlApplicationCreated({ ...of(client, by), details: { entity_id: provider.entityId } }));
      return { client, provider };
    });
  }

  /** Oldest first. */
  async list(): Promise<Application[]> {
    const providers = await this.#deps.database.em().find(ServiceProvider, {}, { orderBy: { client: 'asc' } });
    const found = await Promise.all(providers.map((provider) => this.#withClient(provider)));
    return found.filter((application) => application !== null);
  }

  /** A page of those whose name in addresses or entity identifier contains the text. */
  async page({ search }: { search?: string | undefined }, page: PageRequest): Promise<Page<Application>> {
    const found = search === undefined ? undefined : { $ilike: containing(search) };
    const matching = found === undefined ? {} : { $or: [{ clientId: found }, { entityId: found }] };
    const { where, options } = pageFind(page, [page.sort === 'client_id' ? 'clientId' : 'client']);
    const em = this.#deps.database.em();
    const [rows, total] = await Promise.all([
      em.find(ServiceProvider, { $and: [matching, where] }, options),
      page.wantsTotal ? em.count(ServiceProvider, matching) : undefined,
    ]);
    const positionOf = ({ client, clientId }: ServiceProvider) => [page.sort === 'client_id' ? clientId : client];
    const { items, next } = pageOf(rows, page, { show: (provider) => this.#withClient(provider), positionOf });
    return { items: (await Promise.all(items)).filter((application) => application !== null), next, total };
  }

  /** When applications that are in use run out of certificates. */
  async certificateEnds(): Promise<readonly { clientId: string; name: string; endsAt: Date }[]> {
    return (await this.list()).flatMap(({ client, provider }) => {
      const endsAt = client.disabled ? null : endOfCertificates(provider);
      return endsAt === null ? [] : [{ clientId: client.clientId, name: client.name, endsAt }];
    });
  }

  /** Null for an unknown one, and for a client of another type. */
  async find(clientId: string): Promise<Application | null> {
    const provider = await this.#deps.database.em().findOne(ServiceProvider, { clientId });
    return provider && this.#withClient(provider);
  }

  async #withClient(provider: ServiceProvider): Promise<Application | null> {
    const client = await this.#deps.clients.find(provider.clientId);
    return client && { client, provider };
  }

  /** Throws saml.application_not_found. */
  async require(clientId: string): Promise<Application> {
    const found = await this.find(clientId);
    if (found === null) throw applicationNotFound();
    return found;
  }

  /** Throws saml.application_not_found, saml.application_invalid, saml.entity_id_taken. */
  async change(clientId: string, change: ApplicationChange, by: By): Promise<Application> {
    const { clock, database, audit } = this.#deps;
    return database.transaction(async (em) => {
      const client = await takeClient(em, clientId);
      const provider = await em.findOne(ServiceProvider, { client: client.id });
      if (provider === null) throw applicationNotFound();
      const next = { ...provider, ...change };
      requireUsable(next, clock.now());
      if (next.entityId !== provider.entityId) await requireFree(em, next.entityId);
      const named = metadataMembers.filter((member) => member in change || provider.ownMembers.includes(member));
      Object.assign(provider, { ownMembers: named }, change, { updatedAt: clock.now() });
      if (change.certificates) provider.warnedDays = null;
      await flush(em);
      const details = { entity_id: provider.entityId, members: Object.keys(change).toSorted() };
      await audit.record(em, samlApplicationChanged({ ...of(client, by), details }));
      return { client, provider };
    });
  }

  /** Throws saml.application_not_found. */
  async delete(clientId: string, by: By): Promise<void> {
    await this.require(clientId);
    await this.#deps.clients.delete(clientId, by);
  }
}

const of = ({ clientId }: Client, by: By) => ({ ...by, subject: { type: 'client', id: clientId }, clientId });

async function requireFree(em: EntityManager, entityId: string): Promise<void> {
  if (await em.count(ServiceProvider, { entityId })) throw entityIdTaken();
}

async function flush(em: EntityManager): Promise<void> {
  await em.flush().catch((error: unknown) => {
    throw error instanceof UniqueConstraintViolationException ? entityIdTaken() : error;
  });
}
