import { type Clock, fromNow } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { EntityManager } from '#kernel/database.ts';
import { isUsedUp, limit, type Limit, takeAll } from '#kernel/mail/quota.ts';
import type { UserId } from '#directory/users/module.ts';
import type { Id } from '#kernel/ids.ts';
import type { KnownDevices } from '../trusted-devices/known-device.ts';
import { groupOf, knownBrowser, knownBrowsersTogether, ruleOf, unknownBrowsers, type Within } from './code-limits.ts';
import type { Purpose } from './one-time-secret.ts';
import { OPEN_CODES, TRIES_PER_CODE } from '../limits.ts';
import { CODE_LIFETIME } from '../lifetimes.ts';

/** The holder of a secret: a user, an address without an account, or an invitation to an organization. */
export type Holder = { userId: UserId } | { emailCanonical: string } | { invitation: Id<'oin'> };

/** The browser that asks for a code, or types one. */
export type AskingBrowser = {
  /** A secret of this browser: the sign-in that it began, its session, or a cookie. A code is valid only with it. */
  holds: string;
  /** Of its cookie: the account may know the browser by it. */
  deviceSecret: string | undefined;
};

/** The owner of the secret, and the counter: a known browser of the account, or null for all others. */
type Counted = { purpose: Purpose; subject: string; known: string | null };
/** The code that a try is compared with; without a hash no code is right. */
export type TriedRow = { id: string; code_hash: Uint8Array | null; tries: number };
type Asked = { purpose: Purpose; holder: Holder; browser?: AskingBrowser; keepsOlder?: boolean };

/**
 * How often codes are asked for and typed, and which end, by the rules and numbers of code-limits.ts. Counted in PostgreSQL and
 * over sliding times, so that another browser, sign-in, code or node begins nothing again.
 */
export class OneTimeBudget {
  readonly #clock: Clock;
  readonly #knownDevices: Pick<KnownDevices, 'isKnown'>;

  constructor(clock: Clock, knownDevices: Pick<KnownDevices, 'isKnown'>) {
    this.#clock = clock;
    this.#knownDevices = knownDevices;
  }

  /** The name of the browser in the counters, where the account knows it and the purpose lets that count. */
  async nameKnown(em: EntityManager, { purpose, holder, browser }: Asked): Promise<string | null> {
    if (!browser || !ruleOf(purpose)?.ownRates) return null;
    const userId = 'userId' in holder ? holder.userId : null;
    const isKnown = await this.#knownDevices.isKnown(userId, browser.deviceSecret, em);
    return isKnown ? sha256(browser.deviceSecret ?? '').toString('base64url') : null;
  }

  /**
   * Counts what is asked for. An unknown browser waits while three codes are open elsewhere; a known one takes the place of one
   * of its own, else of an unknown browser, else of another known one.
   * Rows are locked before anything is counted or mailed, as by whatever else ends them.
   */
  async takeAsk(em: EntityManager, counted: Counted, { holds }: AskingBrowser): Promise<boolean> {
    const { purpose, subject, known } = counted;
    await this.lockGroup(em, counted);
    const open = await em.execute<{ id: string; is_live: boolean }[]>(
      `select id, code_hash is not null and created_at > ? and browser_hash is distinct from ? as is_live
       from one_time_secret where purpose = ? and subject = ? and used_at is null and expires_at > ?
       order by known_hash = ? desc nulls last, known_hash is not null, created_at, id for update`,
      [
        fromNow(this.#clock, -CODE_LIFETIME),
        sha256(holds),
        purpose,
        subject,
        this.#clock.now(),
        known === null ? null : Buffer.from(known, 'base64url'),
      ],
    );
    const others = open.flatMap(({ id, is_live: isLive }) => (isLive ? [id] : []));
    const tooMany = others.slice(0, Math.max(0, others.length - OPEN_CODES + 1));
    if (known === null && tooMany.length > 0) return false;
    if (!(await takeAll(em, this.#clock, limitsOf('asks', purpose, counted)))) return false;
    await this.#end(em, tooMany.map(() => 'id = ?').join(' or '), tooMany);
    return true;
  }

  /** One at a time asks for what is in a group, or consumes it: both end several rows. */
  async lockGroup(em: EntityManager, { purpose, subject }: Omit<Counted, 'known'>): Promise<void> {
    const group = ruleOf(purpose)?.group;
    if (group !== undefined)
      await em.execute('select pg_advisory_xact_lock(hashtextextended(?, 0))', [`one-time ${group} ${subject}`]);
  }

  /** Counts a try of the code that this browser was sent last; null when it was sent none. Counted before it is compared, under a lock. */
  async takeTry(em: EntityManager, counted: Counted, { holds }: AskingBrowser): Promise<TriedRow | 'throttled' | null> {
    const sent = await em.execute<TriedRow[]>(
      `select id, code_hash, tries from one_time_secret where purpose = ? and subject = ? and browser_hash = ?
       and used_at is null and expires_at > ? and created_at > ? order by created_at desc, id desc for update`,
      [counted.purpose, counted.subject, sha256(holds), this.#clock.now(), fromNow(this.#clock, -CODE_LIFETIME)],
    );
    const limits = limitsOf('tries', ruleOf(counted.purpose)?.group ?? counted.purpose, counted);
    const [last] = sent;
    // Nothing to compare with: such tries cost the account nothing.
    if (last === undefined) return (await isUsedUp(em, this.#clock, limits)) ? 'throttled' : null;
    if (last.tries >= TRIES_PER_CODE || !(await takeAll(em, this.#clock, limits))) return 'throttled';
    // Where a limit held back the last mail, the code of the one before still works.
    const code = sent.find((row) => row.code_hash !== null) ?? last;
    await em.execute('update one_time_secret set tries = tries + 1 where id in (?, ?)', [last.id, code.id]);
    return code.tries < TRIES_PER_CODE ? code : null;
  }

  /** Ends the older ones that a new one takes the place of. */
  async endOlder(em: EntityManager, id: string, { purpose, subject, known }: Counted, asked: Asked): Promise<void> {
    if (asked.keepsOlder) return;
    const older = 'purpose = ? and subject = ? and id <> ?';
    const whose = [purpose, subject, id];
    const ends = asked.browser ? ruleOf(purpose)?.ends : 'all';
    if (ends === 'browser')
      return this.#end(em, `${older} and browser_hash = ?`, [...whose, sha256(asked.browser!.holds)]);
    if (ends === 'less-trusted' && known === null) return this.#end(em, `${older} and known_hash is null`, whose);
    return this.#end(em, older, whose);
  }

  /** After a success nothing else that was asked for in the same group is of use, in whatever browser. */
  async endGroup(em: EntityManager, { purpose, subject }: Omit<Counted, 'known'>): Promise<void> {
    if (ruleOf(purpose) === null) return;
    const group = groupOf(purpose);
    await this.#end(em, `subject = ? and purpose in (${group.map(() => '?').join(', ')})`, [subject, ...group]);
  }

  /** Ends those that are open and fit; none where nothing is asked for. */
  async #end(em: EntityManager, which: string, values: readonly unknown[]): Promise<void> {
    if (which === '') return;
    await em.execute(`update one_time_secret set used_at = ? where used_at is null and (${which})`, [
      this.#clock.now(),
      ...values,
    ]);
  }
}

function limitsOf(what: 'asks' | 'tries', of: string, { subject, known }: Counted): Limit[] {
  const place = `one-time ${what} ${of} ${subject}`;
  const limits = (share: string, rates: readonly Within[]) =>
    rates.map(({ most, within }) => limit(`${place} ${share} ${within}`, most, within));
  if (known === null) return limits('unknown', unknownBrowsers[what]);
  return [...limits(`known ${known}`, knownBrowser[what]), ...limits('all known', knownBrowsersTogether[what])];
}

/** The key under which codes of a holder are counted. */
export function subjectOf(holder: Holder): string {
  if ('userId' in holder) return holder.userId;
  return 'invitation' in holder ? `invitation:${holder.invitation}` : `email:${holder.emailCanonical}`;
}
