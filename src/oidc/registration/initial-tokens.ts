import type { AuditLog, By } from '#audit/module.ts';
import { type Clock, fromNow, SECOND } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { type Page, pageOf, type PageRequest, pageSql } from '#kernel/operations/list-operation.ts';
import { instance, type Policies } from '#settings/module.ts';
import type { Engine } from '../engine.ts';
import { registrationTokenInvalid, registrationTokenNotFound } from '../errors.ts';
import { registrationTokenCreated, registrationTokenDeleted } from '../events.ts';

/** A token that is still valid, without its text: only its hash is kept, whose first half, in hex, is the id. */
export type InitialToken = { id: string; createdAt: Date; expiresAt: Date };
type Row = { hash: string; issued_at: number; expires_at: Date };

const SELECT = `select encode(id_hash, 'hex') as hash, (payload->>'iat')::int as issued_at, expires_at
  from oidc_artifact where kind = 'InitialAccessToken' and consumed_at is null and expires_at > $1`;

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  policies: Policies<'oidc'>;
  engine: () => Engine;
};

/** Initial access tokens of dynamic registration (RFC 7591 §3): each registers any number of clients until it expires. */
export class InitialTokens {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** The token is given back once. Throws oidc.registration_token_invalid where the policy takes no token. */
  async issue(expiresIn: number, by: By): Promise<{ id: string; token: string; expiresAt: Date }> {
    const { clock, database, audit, policies, engine } = this.#deps;
    const { registration } = policies.for(instance).oidc;
    if (registration !== 'token')
      throw registrationTokenInvalid(
        registration === 'off'
          ? 'dynamic registration is off; settings set oidc.registration token turns it on'
          : 'dynamic registration is open, so that no token is needed',
      );
    const { InitialAccessToken } = engine();
    const token = await new InitialAccessToken({ expiresIn }).save();
    const expiresAt = fromNow(clock, expiresIn * SECOND);
    const id = idOf(sha256(token).toString('hex'));
    await database.transaction((em) =>
      audit.record(
        em,
        registrationTokenCreated({
          ...by,
          subject: { type: 'instance', id: 'registration' },
          details: { expires_at: expiresAt.toISOString(), token_id: id },
        }),
      ),
    );
    return { id, token, expiresAt };
  }

  /** A page of the valid tokens, those that end first at the beginning. */
  async page(page: PageRequest): Promise<Page<InitialToken>> {
    const { clock, database } = this.#deps;
    const values: unknown[] = [clock.now()];
    const { where, order } = pageSql(page, ['expires_at', `encode(id_hash, 'hex')`], values);
    const [rows, [counted]] = await Promise.all([
      database.sql<Row>(`${SELECT} and ${where} ${order}`, values),
      page.wantsTotal
        ? database.sql<{ total: number }>(`select count(*)::int as total from (${SELECT}) t`, [clock.now()])
        : [],
    ]);
    const positionOf = ({ expires_at: end, hash }: Row) => [end.toISOString(), hash];
    return { ...pageOf(rows, page, { show: tokenOf, positionOf }), total: counted?.total };
  }

  /** @throws AppError oidc.registration_token_not_found */
  async require(id: string): Promise<InitialToken> {
    const { clock, database } = this.#deps;
    const [row] = isId(id) ? await database.sql<Row>(`${SELECT} and ${HAS_ID}`, [clock.now(), id]) : [];
    if (!row) throw registrationTokenNotFound();
    return tokenOf(row);
  }

  /** Clients that registered with the token stay. @throws AppError oidc.registration_token_not_found */
  async delete(id: string, by: By): Promise<void> {
    const { audit, database } = this.#deps;
    const { expiresAt } = await this.require(id);
    await database.transaction(async (em) => {
      const gone = await em.execute<unknown[]>(
        `delete from oidc_artifact where kind = 'InitialAccessToken' and ${HAS_ID.replaceAll('$2', '?')} returning 1`,
        [id, id],
      );
      if (gone.length === 0) throw registrationTokenNotFound();
      await audit.record(
        em,
        registrationTokenDeleted({
          ...by,
          subject: { type: 'instance', id: 'registration' },
          details: { token_id: id, expires_at: expiresAt.toISOString() },
        }),
      );
    });
  }
}

/** The id is the first half of the hash, as a range of the primary key. */
const HAS_ID = `id_hash between decode($2::text || repeat('00', 16), 'hex') and decode($2::text || repeat('ff', 16), 'hex')`;

const ID_LENGTH = 32;
const idOf = (hash: string): string => hash.slice(0, ID_LENGTH);
const isId = (text: string): boolean => /^[\da-f]{32}$/.test(text);

const tokenOf = ({ hash, issued_at: issuedAt, expires_at: expiresAt }: Row): InitialToken => ({
  id: idOf(hash),
  createdAt: new Date(issuedAt * SECOND),
  expiresAt,
});
