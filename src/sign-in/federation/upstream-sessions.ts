import { defineEntity, p } from '@mikro-orm/core';
import type { By } from '#audit/module.ts';
import { type AccessRevocation, User, type UserId } from '#directory/users/module.ts';
import type { UpstreamTokenSet } from '#directory/identities/module.ts';
import { type Clock, fromNow } from '#kernel/clock.ts';
import { type KeyRing, SealError, sha256, sealAgain, sealAllAgain, type SealedAgain } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import type { Part } from '#kernel/postgres/one-statement.ts';
import { LONGEST_SIGN_OUT_HINT, UPSTREAM_SESSION_CHECKED_EVERY } from './limits.ts';
import type { UpstreamProfile } from './profile.ts';

const UpstreamSessionSchema = defineEntity({
  name: 'UpstreamSession',
  tableName: 'upstream_session',
  properties: {
    /** Of the sign-in in which the user came back from the provider. */
    signInHash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    /** The session here; null until the sign-in ends. */
    sessionId: p.text().nullable().index('upstream_session_session_id_index'),
    /** Null until the account of the identity is known. */
    userId: () =>
      p
        .manyToOne(User)
        .mapToPk()
        .nullable()
        .fieldName('user_id')
        .deleteRule('cascade')
        .updateRule('no action')
        .index('upstream_session_user_id_index'),
    /** The slug of the connection. */
    connection: p.text(),
    issuer: p.text(),
    subject: p.text(),
    /** The session there: `sid` of OpenID Connect, `SessionIndex` of SAML. Null where the provider gives it no name. */
    name: p.text().nullable(),
    /** The text with which the user signs out there, under the key ring. */
    signOutHint: p.text().nullable(),
    /** Tokens of an identity that waits for its account, under the key ring. */
    sealedTokens: p.text().nullable(),
    checkedAt: p.datetime(3).columnType('timestamptz(3)').index('upstream_session_checked_at_index'),
  },
  indexes: [
    { name: 'upstream_session_subject_index', properties: ['connection', 'subject'] },
    { name: 'upstream_session_name_index', properties: ['connection', 'name'] },
  ],
});
/** Mapped for the drift test alone; it is written by statements (table `upstream_session`). */
export class UpstreamSession extends UpstreamSessionSchema.class {}
UpstreamSessionSchema.setClass(UpstreamSession);

/** The sessions at a provider that ended there. */
type EndedUpstream = {
  /** The slug of the connection. */
  connection: string;
  issuer: string;
  /** Null where the provider names sessions alone. */
  subject: string | null;
  /** The names of the sessions there; null for all sessions of the subject. */
  names: readonly string[] | null;
};

/** The session at a provider with which a session here began. */
type BegunUpstream = {
  connection: string;
  issuer: string;
  subject: string;
  name: string | null;
  signOutHint: string | null;
};

type Row = { sign_in_hash: Buffer; session_id: string | null; user_id: string | null };

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'transaction'>;
  keyRing: Pick<KeyRing, 'seal' | 'open' | 'isCurrent'>;
  /** The open sessions here among the given ones. */
  browsers: { open(ids: readonly string[]): Promise<ReadonlySet<string>> };
  accessRevocation: AccessRevocation<'signed out at the identity provider'>;
};

/** Sessions at providers with which sessions here began, so that the end of one can end the other. */
export class UpstreamSessions {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** A user is back from a provider. A later answer in the same sign-in takes the place. `userId`: null until the account is known. */
  async keep(uid: string, profile: UpstreamProfile, userId: UserId | null, em?: EntityManager): Promise<void> {
    const { clock, database, keyRing } = this.#deps;
    const { connection, issuer, subject, sessionId: name, signOutHint: hint, tokens } = profile;
    const signIn = sha256(uid);
    const isShort = hint !== null && hint.length <= LONGEST_SIGN_OUT_HINT;
    const values = [
      signIn,
      userId && toUuid(userId),
      connection.slug,
      issuer,
      subject,
      name,
      isShort ? keyRing.seal(hint, placeOf(signIn)) : null,
      // With the account of the identity they are kept there.
      userId === null && tokens !== null ? keyRing.seal(JSON.stringify(tokens), tokenPlaceOf(signIn)) : null,
      clock.now(),
    ];
    const text = (marks: string): string =>
      `insert into upstream_session (sign_in_hash, user_id, connection, issuer, subject, name, sign_out_hint, sealed_tokens, checked_at)
       values (${marks}) on conflict (sign_in_hash) do update set session_id = null, user_id = excluded.user_id,
         connection = excluded.connection, issuer = excluded.issuer, subject = excluded.subject, name = excluded.name,
         sign_out_hint = excluded.sign_out_hint, sealed_tokens = excluded.sealed_tokens, checked_at = excluded.checked_at`;
    if (em) await em.execute(text(values.map(() => '?').join(', ')), values);
    else await database.sql(text(values.map((_, index) => `$${index + 1}`).join(', ')), values);
  }

  /** Written with the end of the sign-in. The session there takes the place of an earlier one of the same connection. */
  begun(uid: string, userId: UserId, sessionId: string): Part {
    return {
      name: 'upstream_session_begun',
      values: [sha256(uid), sessionId, toUuid(userId)],
      text: (at, only) => `
        upstream_session_over as (delete from upstream_session where session_id = ${at(1)}::text and sign_in_hash <> ${at(0)}::bytea
          and connection = (select connection from upstream_session where sign_in_hash = ${at(0)}::bytea) and ${only}),
        upstream_session_begun as (update upstream_session set session_id = ${at(1)}::text, user_id = ${at(2)}::uuid
          where sign_in_hash = ${at(0)}::bytea and ${only} returning 1)`,
    };
  }

  /** The tokens of an identity that has waited for its account, once. */
  async takeTokens(uid: string): Promise<UpstreamTokenSet | null> {
    const signIn = sha256(uid);
    const [row] = await this.#deps.database.sql<{ sealed: string }>(
      `update upstream_session u set sealed_tokens = null from upstream_session before
       where u.sign_in_hash = $1 and before.sign_in_hash = $1 and before.sealed_tokens is not null
       returning before.sealed_tokens as sealed`,
      [signIn],
    );
    const opened = row ? this.#open(row.sealed, tokenPlaceOf(signIn)) : null;
    return opened === null ? null : (JSON.parse(opened) as UpstreamTokenSet);
  }

  /** The sessions at providers with which a session here began. */
  async ofSession(sessionId: string): Promise<readonly BegunUpstream[]> {
    const rows = await this.#deps.database.sql<BegunUpstream & { signInHash: Buffer }>(
      `select sign_in_hash as "signInHash", connection, issuer, subject, name, sign_out_hint as "signOutHint"
       from upstream_session where session_id = $1 order by connection`,
      [sessionId],
    );
    return rows.map(({ signInHash, signOutHint, ...row }) => ({
      ...row,
      signOutHint: signOutHint && this.#open(signOutHint, placeOf(Buffer.from(signInHash))),
    }));
  }

  /** Null for a text under a secret that was taken out of the ring. */
  #open(sealed: string, place: string): string | null {
    try {
      return this.#deps.keyRing.open(sealed, place);
    } catch (error) {
      if (error instanceof SealError) return null;
      throw error;
    }
  }

  /** Ends the sessions here that began with these, and no others; answers which. */
  async end(ended: EndedUpstream, by: By): Promise<readonly string[]> {
    const { database, accessRevocation } = this.#deps;
    if (ended.subject === null && ended.names === null) return [];
    return database.transaction(async (em) => {
      const rows = await findRows(em, ended);
      // The rows at the end: a sign-in that ends at this moment locks its own row before its row here.
      for (const { user_id: userId, session_id: session } of rows) {
        if (userId === null) continue;
        const reach = { session: session ?? NOT_BEGUN };
        const act = 'signed out at the identity provider';
        await accessRevocation.revoke(em, act, fromUuid('usr', userId), by, reach);
      }
      for (const { sign_in_hash: signIn } of rows)
        await em.execute('delete from upstream_session where sign_in_hash = ?', [Buffer.from(signIn)]);
      return rows.flatMap(({ session_id: session }) => session ?? []);
    });
  }

  /** Seals hints and tokens under the first secret of the ring. */
  reencrypt(): Promise<SealedAgain> {
    const again = (column: string, place: (signIn: Buffer) => string) => () =>
      sealAgain<{ sign_in_hash: Buffer }>(this.#deps, {
        table: 'upstream_session',
        column,
        key: ['sign_in_hash'],
        place: ({ sign_in_hash: hash }) => place(Buffer.from(hash)),
      });
    return sealAllAgain([again('sign_out_hint', placeOf), again('sealed_tokens', tokenPlaceOf)]);
  }

  /** A row goes with its session, and with a sign-in that was not finished. */
  async purge(batch = 5000): Promise<number> {
    const { clock, database, browsers } = this.#deps;
    const rows = await database.sql<Row>(
      'select sign_in_hash, session_id, user_id from upstream_session where checked_at < $1 order by checked_at limit $2',
      [fromNow(clock, -UPSTREAM_SESSION_CHECKED_EVERY), batch],
    );
    const open = await browsers.open(rows.flatMap(({ session_id: id }) => id ?? []));
    const isOpen = ({ session_id: id }: Row): boolean => id !== null && open.has(id);
    const over = rows.filter((row) => !isOpen(row));
    await database.sql(`update upstream_session set checked_at = $2 where sign_in_hash in ${HASHES}`, [
      hashesOf(rows.filter(isOpen)),
      clock.now(),
    ]);
    await database.sql(`delete from upstream_session where sign_in_hash in ${HASHES}`, [hashesOf(over)]);
    return over.length;
  }
}

/** No session has this name. */
const NOT_BEGUN = '-';

async function findRows(em: EntityManager, { connection, issuer, subject, names }: EndedUpstream): Promise<Row[]> {
  const select = 'select sign_in_hash, session_id, user_id from upstream_session where connection = ? and issuer = ?';
  const ofSubject = subject === null ? '' : ' and subject = ?';
  const values = [connection, issuer, ...(subject === null ? [] : [subject])];
  if (names === null) return em.execute<Row[]>(select + ofSubject, values);
  const named = names.map((name) => em.execute<Row[]>(`${select}${ofSubject} and name = ?`, [...values, name]));
  return (await Promise.all(named)).flat();
}

const HASHES = `(select decode(hash, 'hex') from unnest($1::text[]) hash)`;
const hashesOf = (rows: readonly Row[]): string =>
  `{${rows.map((row) => Buffer.from(row.sign_in_hash).toString('hex')).join(',')}}`;

const placeOf = (signIn: Buffer): string => `upstream_session.sign_out_hint:${signIn.toString('base64url')}`;
const tokenPlaceOf = (signIn: Buffer): string => `upstream_session.sealed_tokens:${signIn.toString('base64url')}`;
