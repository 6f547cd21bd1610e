import { defineEntity, p } from '@mikro-orm/core';
import { type Clock, fromNow } from '#kernel/clock.ts';
import { type KeyRing, randomSecret, sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { SIGN_IN_LIFETIME } from '#oidc/module.ts';
import type { Requested } from './authn-context.ts';
import type { NameIdFormat } from './name-id.ts';

const SamlRequestSchema = defineEntity({
  name: 'SamlRequest',
  tableName: 'saml_request',
  properties: {
    stateHash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    /** The request, under the key ring: RelayState may hold anything. */
    sealed: p.text(),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('saml_request_expires_at_index'),
  },
});
/** Mapped for the drift test alone; it is written by single statements. */
export class SamlRequest extends SamlRequestSchema.class {}
SamlRequestSchema.setClass(SamlRequest);

/** A request of an application, until its user has signed in. */
export type PendingRequest = {
  clientId: string;
  /** The id of the AuthnRequest; null for a sign-in that began here. */
  requestId: string | null;
  consumerUrl: string;
  relayState: string | null;
  nameIdFormat: NameIdFormat;
  requestedContext: Requested;
  isPassive: boolean;
  codeVerifier: string;
};

const STATE = /^[\w-]{43}$/;

/** Requests of applications while their users sign in. Each is taken once. */
export class PendingRequests {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;
  readonly #keyRing: Pick<KeyRing, 'seal' | 'open'>;

  constructor(deps: { clock: Clock; database: Pick<Database, 'sql'>; keyRing: Pick<KeyRing, 'seal' | 'open'> }) {
    this.#clock = deps.clock;
    this.#database = deps.database;
    this.#keyRing = deps.keyRing;
  }

  /** The `state` under which it waits. */
  async keep(request: PendingRequest): Promise<string> {
    const state = randomSecret();
    const stateHash = sha256(state);
    await this.#database.sql('insert into saml_request (state_hash, sealed, expires_at) values ($1, $2, $3)', [
      stateHash,
      this.#keyRing.seal(JSON.stringify(request), placeOf(stateHash)),
      fromNow(this.#clock, SIGN_IN_LIFETIME),
    ]);
    return state;
  }

  /** Null for what is unknown, too old or taken, and for a request of another application. */
  async take(state: unknown, clientId: string): Promise<PendingRequest | null> {
    if (typeof state !== 'string' || !STATE.test(state)) return null;
    const stateHash = sha256(state);
    const [row] = await this.#database.sql<{ sealed: string }>(
      'delete from saml_request where state_hash = $1 and expires_at > $2 returning sealed',
      [stateHash, this.#clock.now()],
    );
    if (row === undefined) return null;
    const request = JSON.parse(this.#keyRing.open(row.sealed, placeOf(stateHash))) as PendingRequest;
    return request.clientId === clientId ? request : null;
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from saml_request where state_hash in (select state_hash from saml_request where expires_at < $1 limit $2) returning 1',
      [this.#clock.now(), batch],
    );
    return rows.length;
  }
}

const placeOf = (stateHash: Buffer): string => `saml-request:${stateHash.toString('base64url')}`;
