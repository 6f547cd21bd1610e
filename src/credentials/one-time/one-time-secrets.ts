import { createHmac, type KeyObject, randomInt } from 'node:crypto';
import { type Clock, fromNow } from '#kernel/clock.ts';
import { equalSecrets, type KeyRing, randomSecret, sha256 } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, type Id, newId, toUuid } from '#kernel/ids.ts';
import type { UserId } from '#directory/users/module.ts';
import type { KnownDevices } from '../trusted-devices/known-device.ts';
import { type AskingBrowser, type Holder, OneTimeBudget, subjectOf, type TriedRow } from './one-time-budget.ts';
import { secretLifetimes, type Purpose, type PurposeGroup, purposeGroups, undoPurposes } from './one-time-secret.ts';
import { CODE_LIFETIME, SPENT_SECRET_KEPT_FOR } from '../lifetimes.ts';
import { readLetters } from '#directory/users/typed/text.ts';
import { type AskedAgain, noMore, type Resent, takeResend } from './resends.ts';

export type NewSecret = {
  purpose: Purpose;
  holder: Holder;
  /** Where it goes. */
  address: string;
  /** `link`: 256 random bits for a link. `code`: six digits to type. `both`: either of them uses up the other. */
  form: 'link' | 'code' | 'both';
  /** The requester that is counted (code-limits.ts); required for a code. Without one the product or an operator sends a link. */
  browser?: AskingBrowser;
  /** The sign-in that the link belongs to; without one it is good in any. */
  interaction?: string;
  data?: Record<string, unknown>;
  /** Older ones stay good: each of them undoes something else. */
  keepsOlder?: boolean;
};

/** Sends it; false when a limit held it back. `share`: whose part of what the recipient may be sent it is counted in. */
type Deliver = (issued: Issued, share: string | undefined) => Promise<boolean>;

/** The secrets to send, once. Null was not requested; both are null when a limit holds the message back. */
export type Issued = { link: string | null; code: string | null };

/** The subject of a secret. */
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
  subject: string;
  user_id: string | null;
  address: string;
  data: Record<string, unknown>;
  expires_at: Date;
};

const COLUMNS = 'id, purpose, subject, user_id, address, data, expires_at';

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'transaction'>;
  keyRing: Pick<KeyRing, 'deriveKeys'>;
  knownDevices: Pick<KnownDevices, 'isKnown'>;
};

/** Links and codes that prove an address. Kept as hashes; each is consumed by one conditional write. */
export class OneTimeSecrets {
  readonly #clock: Clock;
  readonly #database: Dependencies['database'];
  readonly #budget: OneTimeBudget;
  readonly #codeKeys: readonly KeyObject[];

  constructor({ clock, database, keyRing, knownDevices }: Dependencies) {
    this.#clock = clock;
    this.#database = database;
    this.#budget = new OneTimeBudget(clock, knownDevices);
    // Six digits are found from a plain hash in no time: it takes a key that is not in the database.
    this.#codeKeys = keyRing.deriveKeys('one-time-code');
  }

  /**
   * Makes a secret and has it sent. Older ones end as the rule of the purpose says, and only when this one is on its way: what
   * is not sent must not end what was. Over the limits `deliver` is called with nothing, for the same work.
   */
  async issue(em: EntityManager, secret: NewSecret, deliver: Deliver = async () => true): Promise<Issued> {
    const { purpose, holder, form, browser } = secret;
    const counted = { purpose, subject: subjectOf(holder), known: await this.#budget.nameKnown(em, secret) };
    const share = counted.known ?? undefined;
    if (browser && !(await this.#budget.takeAsk(em, counted, browser))) {
      const nothing = { link: null, code: null };
      await deliver(nothing, share);
      return nothing;
    }
    if (form !== 'link' && !browser) throw new Error('a code is bound to the browser that asks for it');
    const id = newId('ots');
    const link = form === 'code' ? null : randomSecret();
    const code = form === 'link' ? null : String(randomInt(0, 1_000_000)).padStart(6, '0');
    await this.#insert(em, id, { ...secret, known: counted.known, link, code });
    if (await deliver({ link, code }, share)) await this.#budget.endOlder(em, toUuid(id), counted, secret);
    // Kept as an empty one, so that pages and counters answer as for one that was sent.
    else await em.execute('update one_time_secret set link_hash = null, code_hash = null where id = ?', [toUuid(id)]);
    return { link, code };
  }

  /** Has another one sent, if this browser may be: counted before. `send` answers false where its page may tell that a limit held it back. */
  async askAgain(asked: AskedAgain, send: () => Promise<unknown>): Promise<Resent> {
    const resent = await takeResend(this.#database, this.#clock, asked);
    return resent.kind !== 'sent' || (await send()) !== false ? resent : noMore(this.#clock);
  }

  /** The last secret for this browser that still works, at least as a link: for the page that waits for it. */
  async findOpen(
    purpose: Purpose,
    holder: Holder,
    { holds }: Pick<AskingBrowser, 'holds'>,
  ): Promise<OpenSecret | null> {
    const [row] = await this.#database.sql<Row & { created_at: Date }>(
      `select ${COLUMNS}, created_at from one_time_secret where purpose = $1 and subject = $2 and used_at is null
       and expires_at > $3 and browser_hash = $4 order by created_at desc, id desc limit 1`,
      [purpose, subjectOf(holder), this.#clock.now(), sha256(holds)],
    );
    if (!row) return null;
    const codeEndsAt = new Date(row.created_at.getTime() + CODE_LIFETIME);
    return { ...read(row), hasLiveCode: codeEndsAt > this.#clock.now() };
  }

  /** The subject of a link, without consuming it: for the page that asks before it acts. */
  async findByLink(purpose: Purpose, link: string): Promise<OneTimeSecret | null> {
    const [row] = await this.#database.sql<Row>(
      `select ${COLUMNS} from one_time_secret where link_hash = $1 and purpose = $2 and used_at is null and expires_at > $3`,
      [sha256(link), purpose, this.#clock.now()],
    );
    return row ? read(row) : null;
  }

  /** Consumes a link; null when it is none, was used, expired, or belongs to another sign-in. */
  async consumeLink(
    em: EntityManager,
    { purpose, link, interaction }: { purpose: Purpose; link: string; interaction?: string },
  ): Promise<OneTimeSecret | null> {
    const now = this.#clock.now();
    const [known] = await em.execute<Pick<Row, 'subject'>[]>(
      'select subject from one_time_secret where link_hash = ? and purpose = ?',
      [sha256(link), purpose],
    );
    await this.#budget.lockGroup(em, { purpose, subject: known?.subject ?? '' });
    const [row] = await em.execute<Row[]>(
      `update one_time_secret set used_at = ? where link_hash = ? and purpose = ? and used_at is null and expires_at > ?
       and (interaction_hash is null or interaction_hash = ?) returning ${COLUMNS}`,
      [now, sha256(link), purpose, now, sha256(interaction ?? '')],
    );
    return row ? this.#used(em, row) : null;
  }

  /**
   * Checks a code and consumes it. `act` runs in the transaction that does: when it throws, the code was not used. The try is
   * counted before, whatever becomes of it.
   */
  async verifyCode(
    { purpose, holder, code, browser }: { purpose: Purpose; holder: Holder; code: string; browser: AskingBrowser },
    act: (em: EntityManager, secret: OneTimeSecret) => Promise<unknown> = async () => undefined,
  ): Promise<CodeOutcome> {
    const found = await this.#database.transaction(async (em) => {
      const known = await this.#budget.nameKnown(em, { purpose, holder, browser });
      return this.#budget.takeTry(em, { purpose, subject: subjectOf(holder), known }, browser);
    });
    if (found === 'throttled') return { kind: 'throttled' };
    if (found === null || !this.#isCode(found, code)) return { kind: 'wrong' };
    return this.#database.transaction(async (em) => {
      await this.#budget.lockGroup(em, { purpose, subject: subjectOf(holder) });
      const secret = await this.#use(em, found.id);
      if (!secret) return { kind: 'wrong' };
      await act(em, secret);
      return { kind: 'verified', secret };
    });
  }

  /** Ends what is open of a user, for an act that makes it wrong. */
  async revokeOpen(em: EntityManager, userId: UserId, which: PurposeGroup): Promise<void> {
    const purposes = purposeGroups[which];
    await em.execute(
      `update one_time_secret set used_at = ? where user_id = ? and used_at is null
       and purpose in (${purposes.map(() => '?').join(', ')})`,
      [this.#clock.now(), toUuid(userId), ...purposes],
    );
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from one_time_secret where id in (select id from one_time_secret where expires_at < $1 limit $2) returning 1',
      [fromNow(this.#clock, -SPENT_SECRET_KEPT_FOR), batch],
    );
    return rows.length;
  }

  async #insert(
    em: EntityManager,
    id: Id<'ots'>,
    {
      purpose,
      holder,
      address,
      browser,
      interaction,
      data = {},
      known,
      link,
      code,
    }: NewSecret & Issued & { known: string | null },
  ): Promise<void> {
    await em.execute(
      `insert into one_time_secret (id, purpose, subject, user_id, address, link_hash, code_hash, interaction_hash,
         browser_hash, known_hash, data, created_at, expires_at, used_at)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, ?, ?, null)`,
      [
        toUuid(id),
        purpose,
        subjectOf(holder),
        'userId' in holder ? toUuid(holder.userId) : null,
        address,
        link === null ? null : sha256(link),
        code === null ? null : this.#codeHash(this.#codeKeys[0]!, id, code),
        interaction === undefined ? null : sha256(interaction),
        browser === undefined ? null : sha256(browser.holds),
        known === null ? null : Buffer.from(known, 'base64url'),
        JSON.stringify(data),
        this.#clock.now(),
        fromNow(this.#clock, secretLifetimes[purpose]),
      ],
    );
  }

  async #use(em: EntityManager, id: string): Promise<OneTimeSecret | null> {
    const [row] = await em.execute<Row[]>(
      `update one_time_secret set used_at = ? where id = ? and used_at is null returning ${COLUMNS}`,
      [this.#clock.now(), id],
    );
    return row ? this.#used(em, row) : null;
  }

  /** After a success nothing else that was asked for is of use, in whatever browser. */
  async #used(em: EntityManager, row: Row): Promise<OneTimeSecret> {
    await this.#budget.endGroup(em, row);
    await this.#noteEntry(em, row);
    return read(row);
  }

  /** A sign-in by one mailbox opens again what another one had settled: the intruder may be back. */
  async #noteEntry(em: EntityManager, { purpose, user_id: userId, address }: Row): Promise<void> {
    if (purpose !== 'sign_in' || userId === null) return;
    await em.execute(
      `update one_time_secret set data = data - 'settledAt' where user_id = ? and purpose in (?, ?) and used_at is null
       and lower(address) <> lower(?)`,
      [userId, ...undoPurposes, address],
    );
  }

  #isCode({ id, code_hash: stored }: TriedRow, typed: string): boolean {
    const code = readLetters(typed);
    if (!/^\d{6}$/.test(code) || stored === null) return false;
    return this.#codeKeys.some((key) =>
      equalSecrets(Buffer.from(stored), this.#codeHash(key, fromUuid('ots', id), code)),
    );
  }

  #codeHash(key: KeyObject, id: Id<'ots'>, code: string): Buffer {
    return createHmac('sha256', key).update(`${id}:${code}`).digest();
  }
}

function read({ id, purpose, user_id: userId, address, data, expires_at: expiresAt }: Row): OneTimeSecret {
  return {
    id: fromUuid('ots', id),
    purpose,
    userId: userId === null ? null : fromUuid('usr', userId),
    address,
    data,
    expiresAt,
  };
}
