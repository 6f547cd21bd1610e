import { type KeyRing, type SealedAgain, sealAgain } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { Log } from '#kernel/log.ts';
import { keysNotLoaded } from './errors.ts';
import {
  type KeyFamily,
  forEachAlgorithm,
  type PrivateJwk,
  type PublicJwk,
  publicHalf,
  type StoredJwk,
} from './key-material.ts';
import { POLL_EVERY } from './lifetimes.ts';
import { sealPlace, SigningKey } from './signing-key.ts';

type Dependencies = {
  database: Pick<Database, 'em' | 'sql'>;
  keyRing: KeyRing;
  log: Pick<Log, 'warn' | 'info'>;
};

type Loaded = {
  version: string;
  stored: ReadonlyMap<string, StoredJwk>;
  signing: readonly PrivateJwk[];
  published: { readonly keys: readonly PublicJwk[] };
};
type Row = { kid: string; family: KeyFamily; state: string; private_sealed: string };

/** In the order of bytes, as JavaScript sorts, whatever the collation of the database. */
const VERSION = `coalesce((select string_agg(kid || ':' || state, ',' order by kid collate "C") from signing_key where state <> 'retired'), '')`;

/** The signing and published keys of this process: a copy of the table in memory that follows its changes. */
export class KeyService {
  readonly #deps: Dependencies;
  readonly #listeners = new Set<() => void>();
  #loaded: Loaded | undefined;
  #refreshing: Promise<boolean> | undefined;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /** Private JWKs, of each kind the current one first, then the next and the previous ones. Signs: the first that fits. */
  findSigningKeys(): readonly PrivateJwk[] {
    return this.#require().signing;
  }

  /** The public halves of the same keys in the same order, for `/oidc/jwks` (RFC 7517 §5). */
  publishedJwks(): { readonly keys: readonly PublicJwk[] } {
    return this.#require().published;
  }

  /** Calls `listener` whenever `findSigningKeys` and `publishedJwks` have changed. Gives back how to stop that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Catches up with the table; true when something changed. Throws `SealError` when a key cannot be opened. */
  refresh(): Promise<boolean> {
    // A call that comes while another runs wants what is true now, so it waits and looks again.
    const run = (this.#refreshing ?? Promise.resolve()).then(
      () => this.#load(),
      () => this.#load(),
    );
    this.#refreshing = run;
    return run;
  }

  /** `refresh` for those who cannot wait: when the database is away the known keys stay in use. Never rejects. */
  async follow(): Promise<void> {
    try {
      await this.refresh();
    } catch (err) {
      this.#deps.log.warn({ err }, 'signing keys could not be looked up; the known ones stay in use');
    }
  }

  /** Follows rotations by other nodes every few seconds, also when no message tells of them. Gives back how to stop that. */
  watch(every = POLL_EVERY): () => void {
    let stopped = false;
    let timer: NodeJS.Timeout;
    const schedule = (): void => {
      timer = setTimeout(() => void this.follow().then(() => (stopped ? undefined : schedule())), every).unref();
    };
    schedule();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }

  /** All keys, retired ones included, newest first. Public halves only. */
  list(): Promise<SigningKey[]> {
    return this.#deps.database.em().find(SigningKey, {}, { orderBy: { createdAt: 'desc', kid: 'asc' } });
  }

  /** The public half of a key that was ever published, retired ones included; of each kind the one of its first algorithm. */
  async findPublicJwk(kid: string): Promise<Omit<StoredJwk, 'd'> | null> {
    const key = await this.#deps.database.em().findOne(SigningKey, { kid });
    return key?.publicJwk ?? null;
  }

  /** Seals every private key under the first secret of the ring. May be broken off and called again. */
  reencrypt(): Promise<SealedAgain> {
    return sealAgain<{ kid: string }>(this.#deps, {
      table: 'signing_key',
      column: 'private_sealed',
      key: ['kid'],
      place: ({ kid }) => sealPlace(kid),
    });
  }

  async #load(): Promise<boolean> {
    const { database, keyRing } = this.#deps;
    const [head] = await database.sql<{ version: string }>(`select ${VERSION} as version`);
    if (head?.version === this.#loaded?.version) return false;
    const rows = await database.sql<Row>(
      `select kid, family, state, private_sealed from signing_key where state <> 'retired'
       order by family, case state when 'current' then 0 when 'next' then 1 else 2 end, activated_at desc, kid`,
    );
    const known = this.#loaded?.stored;
    const stored = new Map(
      rows.map(({ kid, private_sealed: sealed }) => [
        kid,
        known?.get(kid) ?? (JSON.parse(keyRing.open(sealed, sealPlace(kid))) as StoredJwk),
      ]),
    );
    const signing = rows.flatMap(({ kid, family }) => forEachAlgorithm(stored.get(kid)!, family));
    const version = rows
      .map(({ kid, state }) => `${kid}:${state}`)
      .sort()
      .join(',');
    this.#loaded = {
      version,
      stored,
      signing: Object.freeze(signing),
      published: Object.freeze({ keys: Object.freeze(signing.map(publicHalf)) }),
    };
    this.#deps.log.info({ keys: rows.map(({ kid, state }) => `${state} ${kid}`) }, 'signing keys loaded');
    for (const listener of this.#listeners) listener();
    return true;
  }

  #require(): Loaded {
    if (!this.#loaded || this.#loaded.signing.length === 0) throw keysNotLoaded();
    return this.#loaded;
  }
}
