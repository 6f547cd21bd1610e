import type { Clock } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import { canonicalEmail, type HeldEmail, heldEmails, type UserId } from '#directory/users/module.ts';
import { hasUsedProofs } from '../proofs-of-others.ts';
import { type UndoPurpose, undoPurposes } from './one-time-secret.ts';
import type { OneTimeSecrets } from './one-time-secrets.ts';
import {
  beginOf,
  type CleanUp,
  holdersOf,
  isAlive,
  mayUndoChange,
  outcomeOf,
  periodOf,
  restoresFirst,
  type UndoRight,
} from './undo-right.ts';

type OpenRight = UndoRight & {
  id: string;
  linkHash: Buffer;
  /** As it was mailed to. */
  mailedTo: string;
  data: Readonly<Record<string, unknown>>;
  expiresAt: Date;
};

/** A link that still undoes something. */
export type Undo = {
  userId: UserId;
  /** Where it was mailed to. */
  address: string;
  data: Readonly<Record<string, unknown>>;
  /** When happened what it undoes. */
  at: Date;
  /** Of what was added, what it takes away. */
  period: { since: Date; until: Date | null };
  /** The address that becomes the first one again; null when it is, or stays as it is. */
  restores: string | null;
};

type Row = {
  id: string;
  purpose: UndoPurpose;
  address: string;
  link_hash: Uint8Array;
  data: Record<string, unknown>;
  created_at: Date;
  expires_at: Date;
};

const OWNER = 'select user_id from one_time_secret where link_hash = ? and purpose = ? and user_id is not null';

/** Mailed links that undo: finding, using, granting and ending them, by the rules of `undo-right.ts`. */
export class UndoRights {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'transaction'>;
  readonly #secrets: Pick<OneTimeSecrets, 'issue' | 'consumeLink' | 'revokeOpen'>;

  constructor(
    clock: Clock,
    database: Pick<Database, 'transaction'>,
    secrets: Pick<OneTimeSecrets, 'issue' | 'consumeLink' | 'revokeOpen'>,
  ) {
    this.#clock = clock;
    this.#database = database;
    this.#secrets = secrets;
  }

  /** The change that a link would undo, without consuming it; null if it can undo nothing. */
  async find(purpose: UndoPurpose, link: string): Promise<Undo | null> {
    return this.#database.transaction(async (em) => {
      const userId = await this.#ownerOf(em, purpose, link);
      return userId && this.#undo(em, userId, link);
    });
  }

  /**
   * Consumes a link; null if it can undo nothing. All links that verify a mailbox end with it. The order of the locks is the same
   * as in every act here: links that verify, the user, links that undo.
   */
  async use(em: EntityManager, purpose: UndoPurpose, link: string): Promise<Undo | null> {
    const userId = await this.#ownerOf(em, purpose, link);
    if (userId === null) return null;
    await this.#secrets.revokeOpen(em, userId, 'proofs');
    const undo = await this.#undo(em, userId, link);
    return undo && (await this.#secrets.consumeLink(em, { purpose, link })) && undo;
  }

  /** The link for an address that has just lost the first place; null when it has no right to undo that. */
  async grant(em: EntityManager, userId: UserId, former: HeldEmail): Promise<string | null> {
    const now = this.#clock.now();
    const held = await heldEmails(em, userId);
    const open = (await this.#open(em, userId)).filter((right) => isAlive(right, held));
    if (!mayUndoChange(former, open, now)) return null;
    const { link } = await this.#secrets.issue(em, {
      purpose: 'revert_email',
      holder: { userId },
      address: former.value,
      form: 'link',
      data: { at: now.toISOString() },
      keepsOlder: true,
    });
    return link;
  }

  /** Until when an address may undo that it lost the first place; null when it may not. */
  async undoableUntil(em: EntityManager, userId: UserId, address: string): Promise<Date | null> {
    const canonical = canonicalEmail(address);
    const held = await heldEmails(em, userId);
    const ends = (await this.#open(em, userId))
      .filter((right) => right.purpose === 'revert_email' && right.address === canonical && isAlive(right, held))
      .map(({ expiresAt }) => expiresAt.getTime());
    return ends.length === 0 ? null : new Date(Math.max(...ends));
  }

  /**
   * After a clean-up by the reader of a mailbox, by default the primary one: ends the links that came with the intrusion.
   * `began` is known when a sign-in was named. Links that verify a mailbox end first, in the order of the locks.
   */
  async cleanUp(
    em: EntityManager,
    userId: UserId,
    { by, began, undid }: { by?: string; began?: Date; undid?: CleanUp['undid'] } = {},
  ): Promise<void> {
    await this.#secrets.revokeOpen(em, userId, 'proofs');
    const now = this.#clock.now();
    const held = await heldEmails(em, userId);
    const canonical = by === undefined ? null : canonicalEmail(by);
    const mailbox = held.find((one) => (canonical === null ? one.place === 'first' : one.canonical === canonical));
    if (!mailbox) return;
    const rights = await this.#open(em, userId);
    const holders = holdersOf(rights.filter((right) => isAlive(right, held)));
    const act: CleanUp = {
      by: mailbox.canonical,
      began: began ?? beginOf(mailbox, holders, now),
      holders,
      ...(undid ? { undid } : {}),
    };
    await this.#write(
      em,
      rights.map((right) => ({ id: right.id, outcome: outcomeOf(right, held, act) })),
    );
  }

  async #ownerOf(em: EntityManager, purpose: UndoPurpose, link: string): Promise<UserId | null> {
    const [row] = await em.execute<{ user_id: string }[]>(OWNER, [sha256(link), purpose]);
    return row ? fromUuid('usr', row.user_id) : null;
  }

  async #undo(em: EntityManager, userId: UserId, link: string): Promise<Undo | null> {
    const held = await heldEmails(em, userId);
    const open = (await this.#open(em, userId)).filter((right) => isAlive(right, held));
    const right = open.find(({ linkHash }) => linkHash.equals(sha256(link)));
    if (!right) return null;
    const { at, data, mailedTo: address } = right;
    const period = periodOf(right);
    // A factor from before the clean-up was used after it: the intruder is back, and what came later is not spared.
    const isBroken = period.until !== null && (await hasUsedProofs(em, userId, { since: at, until: period.until }));
    return {
      userId,
      address,
      data,
      at,
      period: isBroken ? { ...period, until: null } : period,
      restores: restoresFirst(right, held, open) ? address : null,
    };
  }

  async #open(em: EntityManager, userId: UserId): Promise<OpenRight[]> {
    const rows = await em.execute<Row[]>(
      `select id, purpose, address, link_hash, data, created_at, expires_at from one_time_secret
       where user_id = ? and purpose in (?, ?) and link_hash is not null and used_at is null and expires_at > ?`,
      [toUuid(userId), ...undoPurposes, this.#clock.now()],
    );
    return rows.map(read);
  }

  /** One conditional write: what was used meanwhile stays used. */
  async #write(em: EntityManager, outcomes: readonly { id: string; outcome: string }[]): Promise<void> {
    if (outcomes.length === 0) return;
    const now = this.#clock.now();
    await em.execute(
      `update one_time_secret s set
         used_at = case when r.outcome = 'ends' then ?::timestamptz end,
         data = case r.outcome when 'settles' then jsonb_build_object('settledAt', ?::text) || s.data
           when 'reopens' then s.data - 'settledAt' else s.data end
       from jsonb_to_recordset(?::jsonb) as r (id uuid, outcome text) where s.id = r.id and s.used_at is null`,
      [now, now.toISOString(), JSON.stringify(outcomes)],
    );
  }
}

function read(row: Row): OpenRight {
  const { data, created_at: issuedAt } = row;
  const time = (name: string) => (typeof data[name] === 'string' ? new Date(data[name]) : null);
  return {
    id: row.id,
    purpose: row.purpose,
    address: canonicalEmail(row.address) ?? row.address,
    linkHash: Buffer.from(row.link_hash),
    mailedTo: row.address,
    data,
    issuedAt,
    at: time('at') ?? issuedAt,
    settledAt: time('settledAt'),
    expiresAt: row.expires_at,
  };
}
