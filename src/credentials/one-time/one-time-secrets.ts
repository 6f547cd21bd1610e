import { createHmac, randomInt } from 'node:crypto';
import { type Clock, DAY, fromNow, MINUTE } from '#kernel/clock.ts';
import { equalSecrets, type KeyRing, randomSecret, sha256 } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, type Id, newId, toUuid } from '#kernel/ids.ts';
import type { UserId } from '#users/module.ts';
import { OneTimeBudget } from './one-time-budget.ts';
import { lifetimes, type Purpose, undoPurposes } from './one-time-secret.ts';

/** Whose a secret is: a person, or an address that is nobody's yet. */
export type Holder = { userId: UserId } | { emailCanonical: string };

export type NewSecret = {
  purpose: Purpose;
  holder: Holder;
  /** Where it goes. */
  address: string;
  /** `link`: 256 random bits for a link. `code`: six digits to type. `both`: either of them uses up the other. */
  form: 'link' | 'code' | 'both';
  /** The sign-in that it belongs to; without one it is good in any. */
  interaction?: string;
  data?: Record<string, unknown>;
  /** A link that anybody may ask for is rationed as codes are: one that is not sent must not kill the one that was. */
  isRationed?: boolean;
  /** Older ones stay good: each of them undoes something else. */
  keepsOlder?: boolean;
};

/** What is sent, once. Null is what was not asked for; both are null when too many were sent: then nothing is. */
export type Issued = { link: string | null; code: string | null };

/** What a secret stands for. */
export type OneTimeSecret = {
  id: Id<'ots'>;
  purpose: Purpose;
  userId: UserId | null;
  address: string;
  data: Readonly<Record<string, unknown>>;
  expiresAt: Date;
};

export type OpenSecret = OneTimeSecret & {
  /** Whether its code, if it has one, can still be typed. */
  hasLiveCode: boolean;
};

export type CodeOutcome =
  | { kind: 'verified'; secret: OneTimeSecret }
  | { kind: 'wrong' }
  /** Too many tries: only a new code, or tomorrow, helps. */
  | { kind: 'throttled' };

type Row = {
  id: string;
  purpose: Purpose;
  user_id: string | null;
  address: string;
  data: Record<string, unknown> | string;
  expires_at: Date | string;
  code_hash?: Uint8Array;
};

const COLUMNS = 'id, purpose, user_id, address, data, expires_at';
/** A used or expired one is kept for a day, so that what it was can be told apart from what never was. */
const KEPT = DAY;
/** A link of the same mail may live longer than what somebody could guess. */
const CODE_LIFETIME = 10 * MINUTE;

/** Links and codes that prove an address. Kept as hashes; each is used up by one conditional write. */
export class OneTimeSecrets {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql' | 'transaction'>;
  readonly #budget: OneTimeBudget;
  readonly #codeKeys: readonly Buffer[];

  constructor(clock: Clock, database: Pick<Database, 'sql' | 'transaction'>, keyRing: Pick<KeyRing, 'deriveKeys'>) {
    this.#clock = clock;
    this.#database = database;
    this.#budget = new OneTimeBudget(clock, database);
    // Six digits are found from a plain hash in no time: it takes a key that is not in the database.
    this.#codeKeys = keyRing.deriveKeys('one-time-code');
  }

  /** Makes a secret; the older ones of the same purpose and holder are dead. */
  async issue(
    em: EntityManager,
    { purpose, holder, address, form, interaction, data = {}, isRationed = false, keepsOlder = false }: NewSecret,
  ): Promise<Issued> {
    const subject = subjectOf(holder);
    if ((form !== 'link' || isRationed) && !(await this.#budget.takeCode(em, purpose, subject)))
      return { link: null, code: null };
    const id = newId('ots');
    const link = form === 'code' ? null : randomSecret();
    const code = form === 'link' ? null : String(randomInt(0, 1_000_000)).padStart(6, '0');
    const now = this.#clock.now();
    if (!keepsOlder)
      await em.execute('update one_time_secret set used_at = ? where purpose = ? and subject = ? and used_at is null', [
        now,
        purpose,
        subject,
      ]);
    await em.execute(
      `insert into one_time_secret (id, purpose, subject, user_id, address, link_hash, code_hash, interaction_hash, data, created_at, expires_at, used_at)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, ?, ?, null)`,
      [
        toUuid(id),
        purpose,
        subject,
        'userId' in holder ? toUuid(holder.userId) : null,
        address,
        link === null ? null : sha256(link),
        code === null ? null : this.#codeHash(this.#codeKeys[0]!, id, code),
        interaction === undefined ? null : sha256(interaction),
        JSON.stringify(data),
        now,
        fromNow(this.#clock, lifetimes[purpose]),
      ],
    );
    return { link, code };
  }

  /** What was sent last and still works, as a link at least, in this sign-in or outside any: for the page that waits for it. */
  async findOpen(purpose: Purpose, holder: Holder, interaction?: string): Promise<OpenSecret | null> {
    const [row] = await this.#database.sql<Row & { created_at: Date | string }>(
      `select ${COLUMNS}, created_at from one_time_secret where purpose = $1 and subject = $2 and used_at is null
       and expires_at > $3 and interaction_hash is not distinct from $4 order by created_at desc, id desc limit 1`,
      [purpose, subjectOf(holder), this.#clock.now(), interaction === undefined ? null : sha256(interaction)],
    );
    if (!row) return null;
    const codeEndsAt = new Date(new Date(row.created_at).getTime() + CODE_LIFETIME);
    return { ...read(row), hasLiveCode: codeEndsAt > this.#clock.now() };
  }

  /** What a link stands for, without using it up: for the page that asks before it acts. */
  async findByLink(purpose: Purpose, link: string): Promise<OneTimeSecret | null> {
    const [row] = await this.#database.sql<Row>(
      `select ${COLUMNS} from one_time_secret where link_hash = $1 and purpose = $2 and used_at is null and expires_at > $3`,
      [sha256(link), purpose, this.#clock.now()],
    );
    return row ? read(row) : null;
  }

  /** Uses a link up; null when it is none, was used, expired, or belongs to another sign-in. */
  async consumeLink(
    em: EntityManager,
    { purpose, link, interaction }: { purpose: Purpose; link: string; interaction?: string },
  ): Promise<OneTimeSecret | null> {
    const now = this.#clock.now();
    const [row] = await em.execute<Row[]>(
      `update one_time_secret set used_at = ? where link_hash = ? and purpose = ? and used_at is null and expires_at > ?
       and (interaction_hash is null or interaction_hash = ?) returning ${COLUMNS}`,
      [now, sha256(link), purpose, now, sha256(interaction ?? '')],
    );
    if (row) await this.#noteEntry(em, row);
    return row ? read(row) : null;
  }

  /**
   * Checks a code and uses it up. `act` runs in the transaction that does: when it throws, the code was not used. The try is
   * counted before, whatever becomes of it.
   */
  async verifyCode(
    { purpose, holder, code, interaction }: { purpose: Purpose; holder: Holder; code: string; interaction?: string },
    act: (em: EntityManager, secret: OneTimeSecret) => Promise<unknown> = async () => undefined,
  ): Promise<CodeOutcome> {
    const subject = subjectOf(holder);
    if (!(await this.#budget.takeTry(purpose, subject))) return { kind: 'throttled' };
    const now = this.#clock.now();
    const [found] = await this.#database.sql<Row>(
      `select ${COLUMNS}, code_hash from one_time_secret where purpose = $1 and subject = $2 and used_at is null
       and code_hash is not null and expires_at > $3 and created_at > $4
       and (interaction_hash is null or interaction_hash = $5) order by created_at desc, id desc limit 1`,
      [purpose, subject, now, fromNow(this.#clock, -CODE_LIFETIME), sha256(interaction ?? '')],
    );
    if (!found || !this.#isCode(found, code)) return { kind: 'wrong' };
    return this.#database.transaction(async (em) => {
      const secret = await this.#use(em, found);
      if (!secret) return { kind: 'wrong' };
      await act(em, secret);
      return { kind: 'verified', secret };
    });
  }

  /** Kills what is open of a person, all of it or some purposes, or what was made since then: after a change that makes it wrong. */
  async revoke(em: EntityManager, userId: UserId, purposes?: readonly Purpose[], since?: Date): Promise<void> {
    await em.execute(
      `update one_time_secret set used_at = ? where user_id = ? and used_at is null
       ${purposes ? `and purpose in (${purposes.map(() => '?').join(', ')})` : ''} ${since ? 'and created_at >= ?' : ''}`,
      [this.#clock.now(), toUuid(userId), ...(purposes ?? []), ...(since ? [since] : [])],
    );
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from one_time_secret where id in (select id from one_time_secret where expires_at < $1 limit $2) returning 1',
      [fromNow(this.#clock, -KEPT), batch],
    );
    return rows.length + (await this.#budget.purge(batch));
  }

  async #use(em: EntityManager, { id }: Row): Promise<OneTimeSecret | null> {
    const [row] = await em.execute<Row[]>(
      `update one_time_secret set used_at = ? where id = ? and used_at is null returning ${COLUMNS}`,
      [this.#clock.now(), id],
    );
    if (row) await this.#noteEntry(em, row);
    return row ? read(row) : null;
  }

  /** Who signs in by a mailbox opens again what another mailbox had settled: the intruder may be back. */
  async #noteEntry(em: EntityManager, { purpose, user_id: userId, address }: Row): Promise<void> {
    if (purpose !== 'sign_in' || userId === null) return;
    await em.execute(
      `update one_time_secret set data = data - 'settledAt' where user_id = ? and purpose in (?, ?) and used_at is null
       and lower(address) <> lower(?)`,
      [userId, ...undoPurposes, address],
    );
  }

  #isCode({ id, code_hash: stored }: Row, typed: string): boolean {
    const code = typed.replaceAll(/[\s-]/g, '');
    if (!/^\d{6}$/.test(code) || stored === undefined) return false;
    return this.#codeKeys.some((key) =>
      equalSecrets(Buffer.from(stored), this.#codeHash(key, fromUuid('ots', id), code)),
    );
  }

  #codeHash(key: Buffer, id: Id<'ots'>, code: string): Buffer {
    return createHmac('sha256', key).update(`${id}:${code}`).digest();
  }
}

const subjectOf = (holder: Holder): string => ('userId' in holder ? holder.userId : `email:${holder.emailCanonical}`);

function read({ id, purpose, user_id: userId, address, data, expires_at: expiresAt }: Row): OneTimeSecret {
  return {
    id: fromUuid('ots', id),
    purpose,
    userId: userId === null ? null : fromUuid('usr', userId),
    address,
    data: typeof data === 'string' ? (JSON.parse(data) as Record<string, unknown>) : data,
    expiresAt: new Date(expiresAt),
  };
}
