import { X509Certificate } from 'node:crypto';
import { LockMode, UniqueConstraintViolationException } from '@mikro-orm/core';
import type { AuditLog, By } from '#audit/module.ts';
import type { IdentityTokens } from '#directory/identities/module.ts';
import { permissionsNotHeld } from '#directory/organizations/errors.ts';
import { lockOrganization, type MemberRoles, type OrganizationId } from '#directory/organizations/module.ts';
import type { Clock } from '#kernel/clock.ts';
import { type KeyRing, type SealedAgain, sealAgain } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, newId, parseId } from '#kernel/ids.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import type { Page, PageRequest } from '#kernel/operations/list-operation.ts';
import { type DeletionDependencies, requireSpare } from './connection-deletion.ts';
import { type ConnectionFilters, connectionPage, type ConnectionSort } from './connection-page.ts';
import { eventAbout, isGeneric, isOfVariables, losesSecret, requireUsable, wireName } from './connection-rules.ts';
import { Connection, type ConnectionId, type ConnectionSettings, sealPlace } from './connection.ts';
import {
  connectionInvalid,
  connectionNotFound,
  connectionOfEnvironment,
  slugTaken,
  tooManyConnections,
} from './errors.ts';
import { connectionChanged, connectionCreated, connectionDeleted } from './events.ts';
import { CONNECTIONS_TOPIC, listOf, OF_ORGANIZATIONS } from './known-connections.ts';
import { MOST_CONNECTIONS, OWNER_ROLE } from './limits.ts';
import { givenRoles } from './membership-rules.ts';

export type ConnectionDependencies = {
  clock: Clock;
  database: Database;
  keyRing: KeyRing;
  audit: Pick<AuditLog, 'record'>;
  invalidation: Pick<Invalidation, 'publish'>;
  tokens: Pick<IdentityTokens, 'forgetConnection'>;
  roles: Pick<MemberRoles, 'requireGivable'>;
  deletion: DeletionDependencies;
  /** The names of the custom properties that users can have. */
  properties: () => readonly string[];
  /** Null for a client that does not exist. */
  clients: { find(clientId: string): Promise<object | null> };
};

type Switches = Pick<
  Connection,
  | 'trustsEmail'
  | 'createsUsers'
  | 'linksByEmail'
  | 'trustsFactors'
  | 'storesTokens'
  | 'position'
  | 'enabled'
  | 'fromEnvironment'
>;
type NewConnection = Pick<Connection, 'slug' | 'name' | 'provider' | 'clientId' | 'settings'> &
  Partial<Switches> & { organizationId: OrganizationId | null; secret: string | null };
/** Further rows of a connection, written in its transaction. */
type Alongside = ((em: EntityManager, connection: Connection) => Promise<void>) | null;
/** Members of `settings` that are null go; those that are not named stay. */
type ConnectionChanges = Partial<Pick<Connection, 'name' | 'clientId'> & Switches> & {
  secret?: string;
  settings: { [Member in keyof ConnectionSettings]?: ConnectionSettings[Member] | null };
};

/** Creates, lists, changes and deletes connections. */
export class ConnectionService {
  readonly #deps: ConnectionDependencies;

  constructor(dependencies: ConnectionDependencies) {
    this.#deps = dependencies;
  }

  /** When the certificates end with which this instance proves itself to providers in use. */
  async certificateEnds(): Promise<readonly { slug: string; endsAt: Date }[]> {
    const rows = await this.#deps.database.em().find(Connection, { enabled: true });
    return rows.flatMap(({ slug, settings: { clientCertificate: pem } }) =>
      pem === undefined ? [] : [{ slug, endsAt: new X509Certificate(pem).validToDate }],
    );
  }

  /** Of the instance or of one organization, in their order. */
  async list(organizationId: OrganizationId | null): Promise<Connection[]> {
    const order = { position: 'asc', id: 'asc' } as const;
    return this.#deps.database.em().find(Connection, { organizationId }, { orderBy: order });
  }

  /** A page of those that match: of the instance or of one organization. */
  async page(filters: ConnectionFilters, page: PageRequest<ConnectionSort>): Promise<Page<Connection>> {
    return connectionPage(this.#deps.database.em(), filters, page);
  }

  /** By its id or its slug. Throws connections.not_found. */
  async require(idOrSlug: string): Promise<Connection> {
    return found(await this.#deps.database.em().findOne(Connection, byName(idOrSlug)));
  }

  /**
   * Throws connections.invalid, connections.slug_taken, connections.too_many, organizations.not_found, roles.not_found,
   * access.permissions_not_held.
   */
  async create(
    { secret, organizationId, ...given }: NewConnection,
    by: By,
    alongside: Alongside = null,
  ): Promise<Connection> {
    const { clock, database, keyRing, audit } = this.#deps;
    requireUsable(given, secret);
    this.#requireProperties(organizationId, given.settings, by);
    await this.#requireClients(given.settings);
    await this.#requireGivable(organizationId, given.settings, by);
    const isKnown = !isGeneric(given.provider) && given.settings.issuer === undefined;
    const connection = await database.transaction(async (em) => {
      if (organizationId !== null) await lockOrganization(em, organizationId);
      const present = await em.find(Connection, { organizationId });
      if (present.length >= MOST_CONNECTIONS) throw tooManyConnections();
      const id: ConnectionId = newId('con');
      const now = clock.now();
      const added = em.create(Connection, {
        // The table says when an email address of a known provider is trusted. For other servers an operator decides.
        trustsEmail: isKnown,
        createsUsers: true,
        // Of an organization, an address of its own domains links, by a sign-in of the user.
        linksByEmail: isKnown || organizationId !== null,
        trustsFactors: false,
        storesTokens: false,
        position: Math.max(0, ...present.map(({ position }) => position)) + 1,
        enabled: true,
        fromEnvironment: false,
        ...given,
        id,
        organizationId,
        sealedSecret: secret === null ? null : keyRing.seal(secret, sealPlace(id)),
        version: 1,
        createdAt: now,
        updatedAt: now,
      });
      await em.flush().catch((error: unknown) => {
        throw error instanceof UniqueConstraintViolationException ? slugTaken() : error;
      });
      await alongside?.(em, added);
      await audit.record(em, connectionCreated(eventAbout(added, by)));
      return added;
    });
    await this.#tell(connection);
    return connection;
  }

  /**
   * A secret that was given for other addresses goes with them, unless a new one comes along.
   * Throws connections.not_found, connections.invalid, connections.of_environment, roles.not_found, access.permissions_not_held.
   */
  async change(
    idOrSlug: string,
    { secret, settings, ...given }: ConnectionChanges,
    by: By,
    alongside: Alongside = null,
  ): Promise<{ connection: Connection; secretRemoved: boolean }> {
    const { clock, keyRing, audit } = this.#deps;
    const { organizationId = null, settings: before } = await this.require(idOrSlug);
    await this.#requireGivable(organizationId, merged(before, settings), by);
    this.#requireProperties(organizationId, settings, by);
    await this.#requireClients(settings);
    return this.#act(idOrSlug, async (em, connection) => {
      const isByOperator = connection.fromEnvironment && given.fromEnvironment === undefined;
      if (isByOperator && isOfVariables({ ...given, ...settings, secret })) throw connectionOfEnvironment();
      const next = merged(connection.settings, settings);
      const { provider, clientId } = connection;
      const ruled = { provider, settings: next, clientId: given.clientId ?? clientId };
      const kept = secret === undefined && connection.sealedSecret ? this.#open(connection) : undefined;
      const secretRemoved = kept !== undefined && losesSecret(connection.settings, ruled);
      requireUsable(ruled, secret ?? (secretRemoved ? null : (kept ?? null)));
      if (secret !== undefined) connection.sealedSecret = keyRing.seal(secret, sealPlace(connection.id));
      else if (secretRemoved) connection.sealedSecret = null;
      Object.assign(connection, given, { settings: next, updatedAt: clock.now() });
      // A sign-in under way goes on after a change of what is only shown.
      const { name: _name, position: _position, ...decisive } = given;
      const isDecisive =
        Object.keys({ ...decisive, ...settings }).length > 0 || secret !== undefined || alongside !== null;
      if (isDecisive) connection.version += 1;
      await em.flush();
      if (!connection.enabled || !connection.storesTokens)
        await this.#deps.tokens.forgetConnection(em, connection.slug);
      await alongside?.(em, connection);
      const { details, ...event } = eventAbout(connection, by);
      const members = [...Object.keys(given), ...Object.keys(settings), ...(alongside ? ['identity_provider'] : [])]
        .map(wireName)
        .sort();
      const fate = secretRemoved ? 'removed' : secret === undefined ? 'kept' : 'replaced';
      await audit.record(
        em,
        connectionChanged({ ...event, details: { ...details, members, secret: fate, enabled: connection.enabled } }),
      );
      return { connection, secretRemoved };
    });
  }

  /**
   * Its users stay, and nothing of theirs at it: a later connection of the same slug is another one. `isForced`: also where users or
   * domains need it. Throws connections.not_found, connections.of_environment, connections.demanded, connections.last_way_in.
   */
  async delete(idOrSlug: string, isForced: boolean, by: By): Promise<Connection> {
    const { connection } = await this.#act(idOrSlug, async (em, connection) => {
      if (connection.fromEnvironment) throw connectionOfEnvironment();
      if (!isForced) await requireSpare(em, connection, this.#deps.deletion);
      await em.nativeDelete(Connection, { id: connection.id });
      await this.#deps.audit.record(em, connectionDeleted(eventAbout(connection, by)));
      return { connection };
    });
    return connection;
  }

  /** Whether the connection has this very secret. */
  hasSecret(connection: Connection, secret: string): boolean {
    return Boolean(connection.sealedSecret) && this.#open(connection) === secret;
  }

  /** Seals every secret under the first secret of the ring. May be broken off and called again. */
  reencrypt(): Promise<SealedAgain> {
    return sealAgain<{ id: string }>(this.#deps, {
      table: 'connection',
      column: 'sealed_secret',
      key: ['id'],
      place: ({ id }) => sealPlace(fromUuid('con', id)),
    });
  }

  /**
   * The owner of a connection decides who its users are, and so acts for every member. Throws connections.invalid, roles.not_found,
   * access.permissions_not_held.
   */
  async #requireGivable(organizationId: OrganizationId | null, settings: ConnectionSettings, by: By): Promise<void> {
    const roles = givenRoles(settings);
    if (organizationId === null) {
      if (roles.length > 0) throw connectionInvalid('roles belong to the connection of an organization');
      return;
    }
    const owns = by.may?.('connections.manage') === true ? [] : [OWNER_ROLE];
    await this.#deps.roles.requireGivable([...owns, ...roles], organizationId, by);
  }

  /**
   * Properties of users count in every application, so the owner of an organization does not choose them.
   * Throws connections.invalid, access.permissions_not_held.
   */
  #requireProperties(organizationId: OrganizationId | null, settings: ConnectionChanges['settings'], by: By): void {
    const { properties, updatesProperties } = settings;
    if (properties === undefined && updatesProperties === undefined) return;
    if (organizationId !== null && by.may?.('connections.manage') !== true) throw permissionsNotHeld();
    const known = this.#deps.properties();
    const unknown = Object.keys(properties ?? {}).find((name) => !known.includes(name));
    if (unknown !== undefined) throw connectionInvalid(`there is no property ${unknown} in profile.properties`);
  }

  async #requireClients({ tokenClients }: ConnectionChanges['settings']): Promise<void> {
    for (const id of tokenClients ?? [])
      if ((await this.#deps.clients.find(id)) === null) throw connectionInvalid(`there is no client ${id}`);
  }

  #open({ id, sealedSecret }: Connection): string {
    return this.#deps.keyRing.open(sealedSecret!, sealPlace(id));
  }

  async #act<Result extends { connection: Connection }>(
    idOrSlug: string,
    work: (em: EntityManager, connection: Connection) => Promise<Result>,
  ): Promise<Result> {
    const result = await this.#deps.database.transaction(async (em) => {
      const locked = await em.findOne(Connection, byName(idOrSlug), { lockMode: LockMode.PESSIMISTIC_WRITE });
      return work(em, found(locked));
    });
    await this.#tell(result.connection);
    return result;
  }

  async #tell({ organizationId = null }: Connection): Promise<void> {
    const { invalidation } = this.#deps;
    await invalidation.publish(CONNECTIONS_TOPIC, listOf(organizationId));
    if (organizationId !== null) await invalidation.publish(CONNECTIONS_TOPIC, OF_ORGANIZATIONS);
  }
}

function byName(idOrSlug: string): { id: ConnectionId } | { slug: string } {
  const id = parseId('con', idOrSlug);
  return id === null ? { slug: idOrSlug } : { id };
}

function found(connection: Connection | null): Connection {
  if (connection === null) throw connectionNotFound();
  return connection;
}

function merged(before: ConnectionSettings, changes: ConnectionChanges['settings']): ConnectionSettings {
  const members = Object.entries({ ...before, ...changes });
  return Object.fromEntries(members.filter(([, value]) => value !== null));
}
