import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { newId } from '#kernel/ids.ts';
import { containing, type Page, pageFind, pageOf, type PageRequest } from '#kernel/operations/list-operation.ts';
import { ALL_SCOPES, type ApiAccess, apiAccessSchema } from './api-access.ts';
import { changesBetween } from './changes.ts';
import { Client, RetiredClientId, takeClient } from './client.ts';
import { clientChanged, clientCreated, clientDeleted } from './events.ts';
import type { ClientMetadata, GivenMetadata } from './client-metadata.ts';
import type { ClientRights } from './client-rights.ts';
import type { ClientProfile } from './client-profile.ts';
import type { ClientSecrets } from './client-secrets.ts';
import type { ClientType } from './client-type.ts';
import { visible } from './client-wire.ts';
import { clientIdRetired, clientIdTaken, clientNotFound, metadataInvalid } from './errors.ts';
import type { ReadMetadata } from './metadata-rules.ts';
import { EXPLORER_CLIENT_ID } from './explorer-client.ts';
import { OWN_CLIENT_ID } from './own-client.ts';
import { objectionToName } from './shown-name.ts';
import { secretNeed } from './client-secret.ts';

type NewClient = {
  name: string;
  type: ClientType;
  profile?: ClientProfile | undefined;
  firstParty?: boolean | undefined;
  /** Made when it is not given. */
  clientId?: string | undefined;
  /** Made when it is not given and the client needs one. */
  clientSecret?: string | undefined;
  metadata?: GivenMetadata | undefined;
  apis?: ApiAccess | undefined;
};

/** Members of `metadata` that are null go back to their default; members that are not named stay. */
type ClientChange = {
  name?: string | undefined;
  profile?: ClientProfile | undefined;
  firstParty?: boolean | undefined;
  disabled?: boolean | undefined;
  metadata?: { [M in keyof GivenMetadata]?: GivenMetadata[M] | null } | undefined;
  apis?: ApiAccess | undefined;
};

/** The APIs that clients can be given access to. */
export type KnownApis = { find(identifier: string): Promise<{ scopes: readonly { name: string }[] } | null> };

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'em' | 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  secrets: Pick<ClientSecrets, 'issue' | 'settle'>;
  rights: Pick<ClientRights, 'requireOver'>;
  readMetadata: ReadMetadata;
  apis: KnownApis;
  /** After a change was committed. */
  changed: (clientId: string) => Promise<void>;
};

type ClientFilters = {
  type?: ClientType | undefined;
  disabled?: boolean | undefined;
  search?: string | undefined;
};

/** Printable ASCII without space and colon, so that it survives every way of sending it (RFC 6749 §2.3.1, appendix A.1). */
const clientIdText = /^[\x21-\x39\x3b-\x7e]{1,255}$/;
/** RFC 6749 appendix A.2, too long to be guessed. */
const clientSecretText = /^[\x21-\x7e]{32,255}$/;

/** Relying parties as an operator manages them. A secret that is made on the way is given back once and never again. */
export class ClientService {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /** Throws clients.metadata_invalid, clients.client_id_taken, clients.client_id_retired, clients.rights_missing. */
  async create(input: NewClient, by: By): Promise<{ client: Client; secret?: string }> {
    const apis = await this.#readApis(input.apis ?? {});
    const result = await this.#deps.database.transaction((em) => this.#add(em, { ...input, apis }, by));
    await this.#deps.changed(result.client.clientId);
    return result;
  }

  /** The same in the caller's transaction, for a client that other rows belong to. Nothing asked for it before, so no cache knows it. */
  async add(em: EntityManager, input: Omit<NewClient, 'apis'>, by: By): Promise<{ client: Client; secret?: string }> {
    return this.#add(em, { ...input, apis: {} }, by);
  }

  async #add(
    em: EntityManager,
    { apis, ...input }: NewClient & { apis: ApiAccess },
    by: By,
  ): Promise<{ client: Client; secret?: string }> {
    const { profile = 'default' } = input;
    const metadata = this.#deps.readMetadata(input.type, profile, input.metadata ?? {});
    checkTexts(input);
    if (input.clientId === OWN_CLIENT_ID || input.clientId === EXPLORER_CLIENT_ID) throw clientIdTaken();
    this.#deps.rights.requireOver({ metadata, apis }, by);
    const now = this.#deps.clock.now();
    const id = newId('client');
    const client = em.create(Client, {
      id,
      clientId: input.clientId ?? id,
      name: input.name.trim(),
      type: input.type,
      profile,
      firstParty: input.firstParty ?? false,
      disabled: false,
      registered: false,
      metadata,
      apis,
      createdAt: now,
      updatedAt: now,
    });
    await flushNew(em);
    if (await em.count(RetiredClientId, { clientId: client.clientId })) throw clientIdRetired();
    const needsSecret = secretNeed(client) !== 'none';
    if (input.clientSecret && !needsSecret)
      throw metadataInvalid({ client_secret: 'must not be given: this client authenticates without one' });
    const issued = needsSecret ? await this.#deps.secrets.issue(em, client, { secret: input.clientSecret }) : undefined;
    await this.#deps.audit.record(
      em,
      clientCreated({ ...of(client.clientId, by), details: { after: visible(client) } }),
    );
    return { client, ...(issued ? { secret: issued.secret } : {}) };
  }

  async find(clientId: string): Promise<Client | null> {
    return this.#deps.database.em().findOne(Client, { clientId });
  }

  async require(clientId: string): Promise<Client> {
    const client = await this.find(clientId);
    if (!client) throw clientNotFound();
    return client;
  }

  /** A page of those that match. */
  async page(
    { type, disabled, search }: ClientFilters,
    page: PageRequest<'created_at' | 'name'>,
  ): Promise<Page<Client>> {
    const found = search === undefined ? undefined : { $ilike: containing(search) };
    const matching = {
      ...(type === undefined ? {} : { type }),
      ...(disabled === undefined ? {} : { disabled }),
      ...(found === undefined ? {} : { $or: [{ name: found }, { clientId: found }] }),
    };
    const { where, options } = pageFind(page, page.sort === 'name' ? ['name', 'id'] : ['id']);
    const em = this.#deps.database.em();
    const [rows, total] = await Promise.all([
      em.find(Client, { $and: [matching, where] }, options),
      page.wantsTotal ? em.count(Client, matching) : undefined,
    ]);
    const positionOf = ({ name, id }: Client) => (page.sort === 'name' ? [name, id] : [id]);
    return { ...pageOf(rows, page, { show: (client) => client, positionOf }), total };
  }

  /**
   * Throws clients.not_found, clients.metadata_invalid, clients.rights_missing. The whole client is validated again, also what did not
   * change.
   */
  async change(clientId: string, change: ClientChange, by: By): Promise<{ client: Client; secret?: string }> {
    checkTexts(change);
    const apis = change.apis && (await this.#readApis(change.apis, (await this.require(clientId)).apis));
    const result = await this.#deps.database.transaction(async (em) => {
      const client = await takeClient(em, clientId);
      this.#deps.rights.requireOver(client, by);
      const before = visible(client);
      const profile = change.profile ?? client.profile;
      const metadata = this.#deps.readMetadata(
        client.type,
        profile,
        merge(client.metadata, change.metadata ?? {}),
        client.metadata,
      );
      client.metadata = metadata;
      client.profile = profile;
      client.name = change.name?.trim() ?? client.name;
      client.firstParty = change.firstParty ?? client.firstParty;
      if (client.registered && client.firstParty)
        throw metadataInvalid({ first_party: 'must be false for a client that registered itself' });
      client.disabled = change.disabled ?? client.disabled;
      if (apis) client.apis = apis;
      this.#deps.rights.requireOver(client, by);
      client.updatedAt = this.#deps.clock.now();
      await em.flush();
      const issued = await this.#deps.secrets.settle(em, client);
      await this.#deps.audit.record(
        em,
        clientChanged({ ...of(clientId, by), details: changesBetween(before, visible(client)) }),
      );
      return { client, ...(issued ? { secret: issued.secret } : {}) };
    });
    await this.#deps.changed(clientId);
    return result;
  }

  /** Throws clients.not_found, clients.rights_missing. */
  async delete(clientId: string, by: By): Promise<void> {
    await this.#deps.database.transaction(async (em) => {
      const client = await takeClient(em, clientId);
      this.#deps.rights.requireOver(client, by);
      if (client.clientId !== client.id && !client.registered)
        em.create(RetiredClientId, { clientId, retiredAt: this.#deps.clock.now() });
      await this.#deps.audit.record(em, clientDeleted({ ...of(clientId, by), details: { before: visible(client) } }));
      em.remove(client);
      await em.flush();
    });
    await this.#deps.changed(clientId);
  }

  /** Ahead of a transaction: in one, nothing waits for another connection. Of an API that is gone since, a client keeps what it has. */
  async #readApis(given: ApiAccess, before: ApiAccess = {}): Promise<ApiAccess> {
    const parsed = apiAccessSchema.safeParse(given);
    if (!parsed.success) throw metadataInvalid({ apis: 'must name scopes, or *, for each API' });
    for (const [identifier, scopes] of Object.entries(parsed.data)) {
      const had = Object.hasOwn(before, identifier) ? before[identifier]! : [];
      const added = scopes.filter((scope) => !had.includes(scope));
      if (added.length === 0) continue;
      const api = await this.#deps.apis.find(identifier);
      if (api === null) throw metadataInvalid({ apis: `must name an API that exists: there is no ${identifier}` });
      const unknown = added.find((added) => added !== ALL_SCOPES && !api.scopes.some(({ name }) => name === added));
      if (unknown !== undefined)
        throw metadataInvalid({ apis: `must name scopes of ${identifier}: it has no ${unknown}` });
    }
    return parsed.data;
  }
}

const of = (clientId: string, by: By) => ({ ...by, subject: { type: 'client', id: clientId }, clientId });

function merge(metadata: ClientMetadata, change: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries({ ...metadata, ...change }).filter(([, value]) => value !== null && value !== undefined),
  );
}

function checkTexts({
  name,
  clientId,
  clientSecret,
}: {
  name?: string | undefined;
  clientId?: string | undefined;
  clientSecret?: string | undefined;
}): void {
  const objection = name === undefined ? null : objectionToName(name);
  if (objection) throw metadataInvalid({ client_name: objection });
  if (clientId !== undefined && !clientIdText.test(clientId))
    throw metadataInvalid({ client_id: 'must have 1 to 255 printable ASCII characters without spaces and colons' });
  if (clientSecret !== undefined && !clientSecretText.test(clientSecret))
    throw metadataInvalid({ client_secret: 'must have 32 to 255 printable ASCII characters' });
}

async function flushNew(em: EntityManager): Promise<void> {
  try {
    await em.flush();
  } catch (error) {
    if (error instanceof UniqueConstraintViolationException) throw clientIdTaken();
    throw error;
  }
}
