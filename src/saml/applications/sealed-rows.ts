import { type Clock, fromNow } from '#kernel/clock.ts';
import { type KeyRing, randomSecret, sha256, type SealedAgain, sealAgain } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';

export type SealedRowDependencies = {
  clock: Clock;
  database: Pick<Database, 'sql'>;
  keyRing: Pick<KeyRing, 'seal' | 'open' | 'isCurrent'>;
};

type Store = {
  table: string;
  /** The column with the hash of the secret. */
  hash: string;
  /** The place of a sealed text begins with this word. */
  place: string;
  /** Milliseconds for which a value is kept. */
  lifetime: number;
};

const SECRET = /^[\w-]{43}$/;

/** Values in a table of their own, each under the key ring and under a secret that travels with a browser. Each is taken once. */
export class SealedRows<Value> {
  readonly #deps: SealedRowDependencies;
  readonly #store: Store;

  constructor(dependencies: SealedRowDependencies, store: Store) {
    this.#deps = dependencies;
    this.#store = store;
  }

  /** The fresh secret under which it waits. */
  async keep(value: Value): Promise<string> {
    const { clock, database, keyRing } = this.#deps;
    const { table, hash, lifetime } = this.#store;
    const secret = randomSecret();
    const digest = sha256(secret);
    await database.sql(`insert into ${table} (${hash}, sealed, expires_at) values ($1, $2, $3)`, [
      digest,
      keyRing.seal(JSON.stringify(value), this.#placeOf(digest)),
      fromNow(clock, lifetime),
    ]);
    return secret;
  }

  /** Null for what is unknown, too old or taken. */
  async take(secret: unknown): Promise<Value | null> {
    if (typeof secret !== 'string' || !SECRET.test(secret)) return null;
    const { clock, database, keyRing } = this.#deps;
    const { table, hash } = this.#store;
    const digest = sha256(secret);
    const [row] = await database.sql<{ sealed: string }>(
      `delete from ${table} where ${hash} = $1 and expires_at > $2 returning sealed`,
      [digest, clock.now()],
    );
    return row === undefined ? null : (JSON.parse(keyRing.open(row.sealed, this.#placeOf(digest))) as Value);
  }

  async purge(batch = 5000): Promise<number> {
    const { clock, database } = this.#deps;
    const { table, hash } = this.#store;
    const rows = await database.sql(
      `delete from ${table} where ${hash} in (select ${hash} from ${table} where expires_at < $1 limit $2) returning 1`,
      [clock.now(), batch],
    );
    return rows.length;
  }

  /** Seals the values under the first secret of the ring. */
  reencrypt(): Promise<SealedAgain> {
    const { table, hash } = this.#store;
    return sealAgain<Record<string, unknown>>(this.#deps, {
      table,
      column: 'sealed',
      key: [hash],
      place: (row) => this.#placeOf(Buffer.from(row[hash] as Buffer)),
    });
  }

  #placeOf(digest: Buffer): string {
    return `${this.#store.place}:${digest.toString('base64url')}`;
  }
}
