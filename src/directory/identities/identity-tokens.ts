import { type Clock, fromNow } from '#kernel/clock.ts';
import { type KeyRing, sha256, type SealedAgain, sealAgain } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { UserId } from '#directory/users/module.ts';
import type { UpstreamSubject } from './linked-identities.ts';

/** Tokens with which an application acts at an upstream provider for a user. */
export type UpstreamTokenSet = {
  accessToken: string;
  tokenType: string;
  /** Null where the provider gives none. */
  refreshToken: string | null;
  /** Milliseconds of the epoch; null where the provider does not say it. */
  expiresAt: number | null;
  scope: string | null;
};

/** Tokens as they were read: a change of them names the ones that it replaces. */
export type HeldTokens = UpstreamSubject & { tokens: UpstreamTokenSet; sealed: string };

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql'>;
  keyRing: Pick<KeyRing, 'seal' | 'open' | 'isCurrent'>;
};

/** Characters of all tokens together, encrypted: those with all groups of a user in them are large. */
const LONGEST = 64 * 1024;

/** The tokens of linked identities, under the key ring. They go with their identity. */
export class IdentityTokens {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** In place of earlier ones. Nothing is kept for an identity that is not of this user, and no tokens that are too long. */
  async keep(userId: UserId, identity: UpstreamSubject, tokens: UpstreamTokenSet): Promise<void> {
    const sealed = this.#seal(identity, tokens);
    if (sealed.length > LONGEST) return;
    await this.#deps.database.sql(
      `update user_identity set sealed_tokens = $1, tokens_refresh_until = null
       where connection = $2 and issuer = $3 and subject = $4 and user_id = $5`,
      [sealed, ...keyOf(identity), toUuid(userId)],
    );
  }

  /** Of the identity of this connection that was used last, or of the named one. */
  async find(userId: UserId, connection: string, subject: string | null): Promise<HeldTokens | null> {
    const [row] = await this.#deps.database.sql<UpstreamSubject & { sealed: string }>(
      `select connection, issuer, subject, sealed_tokens as sealed from user_identity
       where user_id = $1 and connection = $2 and sealed_tokens is not null and ($3::text is null or subject = $3)
       order by last_used_at desc nulls last, created_at desc limit 1`,
      [toUuid(userId), connection, subject],
    );
    if (row === undefined) return null;
    const opened = this.#deps.keyRing.open(row.sealed, placeOf(row));
    return { ...row, tokens: JSON.parse(opened) as UpstreamTokenSet };
  }

  /** For one of all nodes at a time: whether this one may refresh the tokens, for so many milliseconds. */
  async lease({ sealed, ...identity }: HeldTokens, milliseconds: number): Promise<boolean> {
    const { clock, database } = this.#deps;
    const rows = await database.sql(
      `update user_identity set tokens_refresh_until = $1 where connection = $2 and issuer = $3 and subject = $4
         and sealed_tokens = $5 and (tokens_refresh_until is null or tokens_refresh_until < $6) returning 1`,
      [fromNow(clock, milliseconds), ...keyOf(identity), sealed, clock.now()],
    );
    return rows.length > 0;
  }

  /** Ends the lease. `tokens`: the new ones, null for none, the held ones where they stay. False when they were changed or removed meanwhile. */
  async replace({ sealed, ...identity }: HeldTokens, tokens: UpstreamTokenSet | null): Promise<boolean> {
    const next = tokens === null ? null : this.#seal(identity, tokens);
    const rows = await this.#deps.database.sql(
      `update user_identity set sealed_tokens = $1, tokens_refresh_until = null
       where connection = $2 and issuer = $3 and subject = $4 and sealed_tokens = $5 returning 1`,
      [next, ...keyOf(identity), sealed],
    );
    return rows.length > 0;
  }

  /** All tokens of a connection. */
  async forgetConnection(em: EntityManager, connection: string): Promise<void> {
    await em.execute(
      'update user_identity set sealed_tokens = null, tokens_refresh_until = null where connection = ? and sealed_tokens is not null',
      [connection],
    );
  }

  /** Seals all under the first secret of the ring. May be broken off and called again. */
  reencrypt(): Promise<SealedAgain> {
    return sealAgain<UpstreamSubject>(this.#deps, {
      table: 'user_identity',
      column: 'sealed_tokens',
      key: ['connection', 'issuer', 'subject'],
      place: placeOf,
    });
  }

  #seal(identity: UpstreamSubject, tokens: UpstreamTokenSet): string {
    return this.#deps.keyRing.seal(JSON.stringify(tokens), placeOf(identity));
  }
}

const keyOf = ({ connection, issuer, subject }: UpstreamSubject): [string, string, string] => [
  connection,
  issuer,
  subject,
];
const placeOf = (identity: UpstreamSubject): string =>
  `user_identity.sealed_tokens:${sha256(JSON.stringify(keyOf(identity))).toString('base64url')}`;
