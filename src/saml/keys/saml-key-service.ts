import type { Clock } from '#kernel/clock.ts';
import { type KeyRing, type SealedAgain, sealAgain } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { KeyPair } from '#saml/messages/module.ts';
import { MEMORY_LIFE } from './lifetimes.ts';
import type { KeyRollOver } from './key-roll-over.ts';
import { endOfUse, type KeyState, type KeyUse } from './key-uses.ts';
import { SamlKey, sealPlace } from './saml-key.ts';

type Dependencies = {
  database: Pick<Database, 'em' | 'sql'>;
  keyRing: KeyRing;
  clock: Clock;
  rollOver: Pick<KeyRollOver, 'createFirst'>;
};

type Row = { id: string; use: KeyUse; state: KeyState; certificate: string; private_sealed: string };
type LoadedKey = KeyPair & Readonly<{ use: KeyUse; state: KeyState }>;

/** The keys of this instance for SAML, in both of its roles. The first need of one makes them. */
export class SamlKeyService {
  readonly #deps: Dependencies;
  #loaded: Readonly<{ keys: readonly LoadedKey[]; at: number }> | undefined;
  #loading: Promise<readonly LoadedKey[]> | undefined;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /** The key that signs. */
  async signingKey(): Promise<KeyPair> {
    const key = (await this.#keys()).find(({ use, state }) => use === 'signing' && state === 'current');
    if (!key) throw new Error('There is no current key for SAML.');
    return { privateKey: key.privateKey, certificate: key.certificate };
  }

  /** The private keys for which others may have encrypted, as PEM: the current one, the next one, and those before. */
  async decryptionKeys(): Promise<readonly string[]> {
    return (await this.#keys()).filter(({ use }) => use === 'encryption').map(({ privateKey }) => privateKey);
  }

  /** The certificates of the metadata, as PEM: of each use the current one and the next one. */
  async published(): Promise<Readonly<{ signing: readonly string[]; encryption: readonly string[] }>> {
    const keys = (await this.#keys()).filter(({ state }) => state !== 'previous');
    const certificatesOf = (wanted: KeyUse) =>
      keys.filter(({ use }) => use === wanted).map(({ certificate }) => certificate);
    return { signing: certificatesOf('signing'), encryption: certificatesOf('encryption') };
  }

  /** All keys, retired ones included, newest first. */
  list(): Promise<SamlKey[]> {
    return this.#deps.database.em().find(SamlKey, {}, { orderBy: { createdAt: 'desc', id: 'asc' } });
  }

  /** When the keys of now are replaced. */
  async certificateEnds(): Promise<readonly { id: string; use: KeyUse; endsAt: Date }[]> {
    const current = await this.#deps.database.em().find(SamlKey, { state: 'current' });
    return current.map((key) => ({ id: key.id, use: key.use, endsAt: endOfUse(key) }));
  }

  /** Forgets the keys in memory: another node, or this one, has changed them. */
  forget(): void {
    this.#loaded = undefined;
    this.#loading = undefined;
  }

  /** Seals every private key under the first secret of the ring. May be broken off and called again. */
  reencrypt(): Promise<SealedAgain> {
    return sealAgain<{ id: string }>(this.#deps, {
      table: 'saml_key',
      column: 'private_sealed',
      key: ['id'],
      place: ({ id }) => sealPlace(id),
    });
  }

  async #keys(): Promise<readonly LoadedKey[]> {
    if (this.#loaded && this.#deps.clock.now().getTime() - this.#loaded.at < MEMORY_LIFE) return this.#loaded.keys;
    const loading = (this.#loading ??= this.#load());
    try {
      return await loading;
    } finally {
      if (this.#loading === loading) this.#loading = undefined;
    }
  }

  async #load(): Promise<readonly LoadedKey[]> {
    const { clock, keyRing, rollOver } = this.#deps;
    const at = clock.now().getTime();
    let rows = await this.#rows();
    if (rows.filter(({ state }) => state !== 'previous').length < KEYS_IN_METADATA) {
      await rollOver.createFirst();
      rows = await this.#rows();
    }
    const known = new Map(this.#loaded?.keys.map((key) => [key.certificate, key.privateKey]));
    const keys = rows.map(({ id, use, state, certificate, private_sealed: sealed }) => ({
      use,
      state,
      certificate,
      privateKey: known.get(certificate) ?? keyRing.open(sealed, sealPlace(id)),
    }));
    this.#loaded = { keys, at };
    return keys;
  }

  #rows(): Promise<Row[]> {
    return this.#deps.database.sql<Row>(
      `select id, use, state, certificate, private_sealed from saml_key where state <> 'retired'
       order by case state when 'current' then 0 when 'next' then 1 else 2 end, activated_at desc, id`,
    );
  }
}

/** A current one and a next one, for signing and for encryption. */
const KEYS_IN_METADATA = 4;
