import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { type Clock, SECOND } from '#kernel/clock.ts';
import { type KeyRing, sha256 } from '#kernel/crypto.ts';
import type { Cache } from '#kernel/cache.ts';
import type { Database } from '#kernel/database.ts';
import { fromUuid } from '#kernel/ids.ts';
import type { Client } from './client.ts';
import type { KnownClient } from './known-client.ts';
import { sealPlace } from './client-secret.ts';
import { toEngineMetadata } from './engine-metadata.ts';
import { EXPLORER_CLIENT_ID } from './explorer-client.ts';
import { OWN_CLIENT_ID } from './own-client.ts';
import { withOwnAddresses } from './saml-client.ts';

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql'>;
  keyRing: KeyRing;
  issuer: string;
  cache: Pick<Cache<CachedClient>, 'get'>;
  /** Our own pages. */
  ownClient: () => KnownClient;
  /** The explorer of the management API; null where it is turned off. */
  explorerClient: () => KnownClient | null;
};

/** Null for an unknown client. */
export type CachedClient = KnownClient | 'disabled' | null;

type SecretRow = { id: string; hash: string; sealed: string | null; expires_at: number | null };
type Row = {
  client_id: string;
  name: string;
  type: Client['type'];
  profile: Client['profile'];
  first_party: boolean;
  registered: boolean;
  disabled: boolean;
  metadata: Client['metadata'];
  apis: Client['apis'];
  issued_at: number;
  secrets: SecretRow[];
};

const FIND = `
  select c.client_id, c.name, c.type, c.profile, c.first_party, c.registered, c.disabled, c.metadata, c.apis, floor(extract(epoch from c.created_at))::float8 as issued_at,
         (select coalesce(json_agg(json_build_object('id', s.id, 'hash', encode(s.hash, 'hex'), 'sealed', s.sealed, 'expires_at', extract(epoch from s.expires_at)::float8) order by s.created_at desc, s.id desc), '[]'::json)
          from client_secret s where s.client = c.id) as secrets
  from client c where c.client_id = $1`;

/** Clients on the hot path: one round trip the first time, none for some seconds after. Disabled clients are not there. */
export class ClientLookup {
  readonly #deps: Dependencies;
  readonly #placeholderKey: KeyObject;

  constructor(deps: Dependencies) {
    this.#deps = deps;
    this.#placeholderKey = deps.keyRing.deriveKey('client-secret-placeholder');
  }

  async find(clientId: string): Promise<KnownClient | null> {
    if (clientId === OWN_CLIENT_ID) return this.#deps.ownClient();
    if (clientId === EXPLORER_CLIENT_ID) return this.#deps.explorerClient();
    const known = await this.#deps.cache.get(clientId, () => this.#load(clientId));
    return known === 'disabled' ? null : known;
  }

  /** For the log of an operator alone: callers get the answer for an unknown client. */
  async isDisabled(clientId: string): Promise<boolean> {
    return (await this.#deps.cache.get(clientId, () => this.#load(clientId))) === 'disabled';
  }

  /** The given ids without a client; a disabled client exists. */
  async missing(clientIds: readonly string[]): Promise<readonly string[]> {
    const rows = await this.#deps.database.sql<{ client_id: string }>(
      'select client_id from client where client_id = any($1::text[])',
      [[...clientIds]],
    );
    const known = new Set(rows.map((row) => row.client_id));
    return clientIds.filter((id) => !known.has(id));
  }

  /** Metadata for the engine's `Client`; the same object until the client changes. */
  async findForEngine(clientId: string): Promise<Record<string, unknown> | undefined> {
    return (await this.find(clientId))?.engine;
  }

  /** Compares with every secret that is valid now; takes as long whichever of them fits, or none. */
  async verifySecret(clientId: string, secret: string): Promise<boolean> {
    const client = await this.find(clientId);
    const hash = sha256(secret);
    const now = this.#deps.clock.now().getTime() / SECOND;
    return (client?.secrets ?? [])
      .map((known) => timingSafeEqual(known.hash, hash) && now < known.expiresAt)
      .includes(true);
  }

  async #load(clientId: string): Promise<CachedClient> {
    const [row] = await this.#deps.database.sql<Row>(FIND, [clientId]);
    if (!row) return null;
    if (row.disabled) return 'disabled';
    const client = {
      clientId: row.client_id,
      name: row.name,
      type: row.type,
      profile: row.profile,
      firstParty: row.first_party,
      registered: row.registered,
      metadata: row.type === 'saml' ? withOwnAddresses(row.metadata, this.#deps.issuer, clientId) : row.metadata,
      apis: row.apis,
    };
    const secrets = row.secrets;
    const engine = toEngineMetadata({
      ...client,
      issuedAt: row.issued_at,
      plainSecret: this.#plain(secrets),
      placeholder: this.#placeholder(clientId),
    });
    return Object.freeze({
      ...client,
      engine,
      secrets: secrets.map(({ hash, expires_at: expiresAt }) => ({
        hash: Buffer.from(hash, 'hex'),
        expiresAt: expiresAt ?? Number.POSITIVE_INFINITY,
      })),
    });
  }

  /** The newest secret that is valid and kept as it is. */
  #plain(secrets: readonly SecretRow[]): string | undefined {
    const now = this.#deps.clock.now().getTime() / SECOND;
    const newest = secrets.find(
      ({ sealed, expires_at: expiresAt }) => sealed !== null && (expiresAt === null || now < expiresAt),
    );
    return newest?.sealed ? this.#deps.keyRing.open(newest.sealed, sealPlace(fromUuid('csec', newest.id))) : undefined;
  }

  /** Stands where the engine wants to see a secret that is not known. As it could be used as a key, it must not be guessable. */
  #placeholder(clientId: string): string {
    return createHmac('sha256', this.#placeholderKey).update(clientId).digest('base64url');
  }
}
