import { defineEntity, p } from '@mikro-orm/core';
import { type Clock, fromNow } from '#kernel/clock.ts';
import { type KeyRing, randomSecret, sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { LOGOUT_CHAIN_LIFETIME } from './limits.ts';
import type { NameId } from './name-id.ts';

const SamlLogoutSchema = defineEntity({
  name: 'SamlLogout',
  tableName: 'saml_logout',
  properties: {
    chainHash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    /** The sign-out, under the key ring. */
    sealed: p.text(),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('saml_logout_expires_at_index'),
  },
});
/** Mapped for the drift test alone; it is written by single statements. */
export class SamlLogout extends SamlLogoutSchema.class {}
SamlLogoutSchema.setClass(SamlLogout);

/** An application that is told by the browser, and the session there. */
export type ToldSession = { clientId: string; sessionIndex: string; name: NameId };

/** A sign-out in one browser, which goes from one application to the next. The session here ended before. */
export type LogoutChain = {
  waiting: readonly ToldSession[];
  /** The application that has the browser now, and the request that it must answer. */
  current: { clientId: string; requestId: string } | null;
  /** Some application did not sign the user out. */
  isPartial: boolean;
  end: /** An address of ours, or a registered one of a relying party. */
    | { kind: 'location'; location: string }
    /** The answer to the application that began. */
    | { kind: 'answer'; clientId: string; requestId: string; relayState: string | null };
};

const CHAIN = /^[\w-]{43}$/;

/** Sign-outs under way. The name of one is a secret; it travels as RelayState. */
export class LogoutChains {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;
  readonly #keyRing: Pick<KeyRing, 'seal' | 'open'>;

  constructor(deps: { clock: Clock; database: Pick<Database, 'sql'>; keyRing: Pick<KeyRing, 'seal' | 'open'> }) {
    this.#clock = deps.clock;
    this.#database = deps.database;
    this.#keyRing = deps.keyRing;
  }

  /** Keeps it under a fresh name. */
  async keep(chain: LogoutChain): Promise<string> {
    const name = randomSecret();
    const hash = sha256(name);
    await this.#database.sql('insert into saml_logout (chain_hash, sealed, expires_at) values ($1, $2, $3)', [
      hash,
      this.#keyRing.seal(JSON.stringify(chain), placeOf(hash)),
      fromNow(this.#clock, LOGOUT_CHAIN_LIFETIME),
    ]);
    return name;
  }

  /** Once: each step keeps what is left under another name. */
  async take(name: unknown): Promise<LogoutChain | null> {
    if (typeof name !== 'string' || !CHAIN.test(name)) return null;
    const hash = sha256(name);
    const [row] = await this.#database.sql<{ sealed: string }>(
      'delete from saml_logout where chain_hash = $1 and expires_at > $2 returning sealed',
      [hash, this.#clock.now()],
    );
    return row === undefined ? null : (JSON.parse(this.#keyRing.open(row.sealed, placeOf(hash))) as LogoutChain);
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from saml_logout where chain_hash in (select chain_hash from saml_logout where expires_at < $1 limit $2) returning 1',
      [this.#clock.now(), batch],
    );
    return rows.length;
  }
}

const placeOf = (hash: Buffer): string => `saml-logout:${hash.toString('base64url')}`;
