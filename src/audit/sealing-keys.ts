import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { Clock } from '#kernel/clock.ts';
import { type KeyRing, SealError, type SealedAgain, sealAgain } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';

export type SealingKey = { id: string; key: KeyObject };

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql'>;
  keyRing: Pick<KeyRing, 'deriveKeys' | 'seal' | 'open' | 'isCurrent'>;
};

/** Characters of an id: enough to tell keys apart. It is no secret and gives nothing away. */
const ID_LENGTH = 16;

const sealPlace = (id: string): string => `audit_seal_key.sealed:${id}`;

/** The keys of seals: one for each secret of the ring, and keys of removed secrets. */
export class SealingKeys {
  readonly #deps: Dependencies;
  readonly #ofRing: readonly SealingKey[];
  readonly #known: Map<string, KeyObject>;
  #isKept = false;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
    this.#ofRing = dependencies.keyRing.deriveKeys('audit seal').map((key) => ({ id: idOf(key), key }));
    this.#known = new Map(this.#ofRing.map(({ id, key }) => [id, key]));
  }

  /** The key that seals: of the first secret of the ring. Kept in the database before it is used. */
  async current(): Promise<SealingKey> {
    const current = this.#ofRing[0]!;
    if (!this.#isKept) {
      const { clock, database, keyRing } = this.#deps;
      await database.sql(
        '/* sealer */ insert into audit_seal_key (id, sealed, created_at) values ($1, $2, $3) on conflict (id) do nothing',
        [current.id, keyRing.seal(asText(current.key), sealPlace(current.id)), clock.now()],
      );
      this.#isKept = true;
    }
    return current;
  }

  /** The key of this id; null when no secret of the ring gives it and none that can be opened is kept. */
  async find(id: string): Promise<KeyObject | null> {
    const known = this.#known.get(id);
    if (known) return known;
    const { database, keyRing } = this.#deps;
    const [row] = await database.sql<{ sealed: string }>('select sealed from audit_seal_key where id = $1', [id]);
    if (!row) return null;
    try {
      const key = createSecretKey(Buffer.from(keyRing.open(row.sealed, sealPlace(id)), 'base64url'));
      this.#known.set(id, key);
      return key;
    } catch (error) {
      if (error instanceof SealError) return null;
      throw error;
    }
  }

  /** Puts every kept key under the first secret of the ring. May be broken off and called again. */
  reencrypt(): Promise<SealedAgain> {
    return sealAgain<{ id: string }>(this.#deps, {
      table: 'audit_seal_key',
      column: 'sealed',
      key: ['id'],
      place: ({ id }) => sealPlace(id),
    });
  }
}

function idOf(key: KeyObject): string {
  return createHmac('sha256', key).update('latchkey audit key id').digest('base64url').slice(0, ID_LENGTH);
}

const asText = (key: KeyObject): string => key.export().toString('base64url');
