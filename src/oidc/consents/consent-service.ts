import type { AuditLog, By } from '#audit/module.ts';
import { type Cache, createCache, keptWhenFound } from '#kernel/cache.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import { type Page, pageFind, pageOf, type PageRequest } from '#kernel/operations/list-operation.ts';
import type { Decision, RememberedConsent } from '#oidc/module.ts';
import type { AccessRevocation, UserId } from '#directory/users/module.ts';
import type { ClientLookup } from '#applications/clients/module.ts';
import { Consent } from './consent.ts';
import { consentNotFound } from './errors.ts';
import { consentGiven, consentRefused, consentRevoked } from './events.ts';

type Row = {
  scopes: string[];
  claims: string[];
  resource_scopes: Record<string, string[]>;
  organizations: string[];
};

const union = (a: readonly string[], b: readonly string[]): string[] => [...new Set([...a, ...b])];

type KnownConsent = Exclude<RememberedConsent, 'everything'>;
type Dependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe' | 'isHealthy'>;
  accessRevocation: AccessRevocation<'consent withdrawn'>;
  clients: Pick<ClientLookup, 'find'>;
};

/** Consents in memory, some hundred bytes each. */
const MAXIMUM_KEPT = 50_000;

/** Neither id holds a space. */
const keyOf = (userId: UserId, clientId: string): string => `${userId} ${clientId}`;

/** Stores, reads and withdraws the consents of users for clients. */
export class ConsentService {
  readonly #clock: Clock;
  readonly #database: Database;
  readonly #audit: Pick<AuditLog, 'record'>;
  readonly #accessRevocation: Dependencies['accessRevocation'];
  readonly #clients: Dependencies['clients'];
  readonly #cache: Cache<KnownConsent | null>;

  constructor({ clock, database, audit, invalidation, accessRevocation, clients }: Dependencies) {
    this.#clock = clock;
    this.#database = database;
    this.#audit = audit;
    this.#accessRevocation = accessRevocation;
    this.#clients = clients;
    this.#cache = createCache<KnownConsent | null>({
      name: 'consents',
      clock,
      invalidation,
      maxEntries: MAXIMUM_KEPT,
      ttl: keptWhenFound,
    });
  }

  /** The consent of this user for this client; null without one. Read with every use of a token, so from memory. */
  async find(userId: UserId, clientId: string): Promise<KnownConsent | null> {
    return this.#cache.get(keyOf(userId, clientId), () => this.#load(userId, clientId));
  }

  /** Clients of the house are allowed everything, unasked. */
  async findForEngine(accountId: string, clientId: string): Promise<RememberedConsent | null> {
    const client = await this.#clients.find(clientId);
    return client?.firstParty ? 'everything' : this.find(accountId as UserId, clientId);
  }

  async #load(userId: UserId, clientId: string): Promise<KnownConsent | null> {
    const [row] = await this.#database.sql<Row>(
      'select scopes, claims, resource_scopes, organizations from consent where user_id = $1 and client_id = $2',
      [toUuid(userId), clientId],
    );
    if (!row) return null;
    return {
      scopes: new Set(row.scopes),
      claims: new Set(row.claims),
      resourceScopes: new Map(
        Object.entries(row.resource_scopes).map(([identifier, scopes]) => [identifier, new Set(scopes)]),
      ),
      organizations: new Set(row.organizations),
    };
  }

  /** Adds a decision to what was allowed before. */
  async remember(userId: UserId, clientId: string, decision: Decision, by: By): Promise<void> {
    const now = this.#clock.now();
    const { organization } = decision;
    await this.#database.transaction(async (em) => {
      const before = await em.findOne(Consent, { userId, clientId });
      const resourceScopes: Record<string, readonly string[]> = { ...before?.resourceScopes };
      for (const [identifier, scopes] of decision.resourceScopes)
        resourceScopes[identifier] = union(resourceScopes[identifier] ?? [], scopes);
      await em.upsert(Consent, {
        userId,
        clientId,
        scopes: union(before?.scopes ?? [], decision.scopes),
        claims: union(before?.claims ?? [], decision.claims),
        resourceScopes,
        organizations: union(before?.organizations ?? [], organization === null ? [] : [organization]),
        createdAt: before?.createdAt ?? now,
        updatedAt: now,
      });
      const details = {
        scopes: decision.scopes,
        claims: decision.claims,
        resource_scopes: Object.fromEntries(decision.resourceScopes),
      };
      await this.#audit.record(
        em,
        consentGiven({
          ...by,
          subject: { type: 'user', id: userId },
          clientId,
          ...(organization === null ? {} : { organizationId: organization }),
          details,
        }),
      );
    });
    await this.#cache.drop(keyOf(userId, clientId));
  }

  /** The present consents of a user, by client. */
  async list(userId: UserId): Promise<Consent[]> {
    return this.#database.em().find(Consent, { userId }, { orderBy: { clientId: 'asc' } });
  }

  async page(userId: UserId, page: PageRequest): Promise<Page<Consent>> {
    const { where, options } = pageFind(page, ['clientId']);
    const em = this.#database.em();
    const [rows, total] = await Promise.all([
      em.find(Consent, { $and: [{ userId }, where] }, options),
      page.wantsTotal ? em.count(Consent, { userId }) : undefined,
    ]);
    return { ...pageOf(rows, page, { show: (consent) => consent, positionOf: ({ clientId }) => [clientId] }), total };
  }

  /** Throws consent.not_found. */
  async require(userId: UserId, clientId: string): Promise<Consent> {
    const found = await this.#database.em().findOne(Consent, { userId, clientId });
    if (found === null) throw consentNotFound();
    return found;
  }

  /** Takes back all that a user allowed a client; the client has to ask again. Throws consent.not_found. */
  async revoke(userId: UserId, clientId: string, by: By): Promise<void> {
    await this.#database.transaction(async (em) => {
      if ((await em.nativeDelete(Consent, { userId, clientId })) === 0) throw consentNotFound();
      await this.#accessRevocation.revoke(em, 'consent withdrawn', userId, by, { clientId });
      await this.#audit.record(
        em,
        consentRevoked({
          ...by,
          subject: { type: 'user', id: userId },
          clientId,
        }),
      );
    });
    await this.#cache.drop(keyOf(userId, clientId));
  }

  async noteRefusal(userId: UserId, clientId: string, by: By): Promise<void> {
    await this.#database.transaction((em) =>
      this.#audit.record(
        em,
        consentRefused({
          ...by,
          subject: { type: 'user', id: userId },
          clientId,
          outcome: 'failure',
        }),
      ),
    );
  }
}
