import type { AuditLog, By } from '#audit/module.ts';
import type { AskingBrowser, CodeOutcome, OneTimeSecret, OneTimeSecrets, Resent } from '#credentials/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { Language } from '#kernel/i18n.ts';
import { newId, toUuid } from '#kernel/ids.ts';
import { containing, type Page, pageFind, pageOf, type PageRequest } from '#kernel/operations/list-operation.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import { canonicalEmail, type UserService } from '#directory/users/module.ts';
import { confirmLetter, memberLetter } from './waitlist-letters.ts';
import { notOnWaitlist } from './errors.ts';
import { WaitlistEntry } from './waitlist-entry.ts';
import { waitlistJoined, waitlistRemoved } from './events.ts';

export type WaitlistDependencies = {
  clock: Clock;
  database: Database;
  users: Pick<UserService, 'findByIdentifier'>;
  oneTimeSecrets: Pick<OneTimeSecrets, 'issue' | 'askAgain' | 'findByLink' | 'consumeLink' | 'verifyCode'>;
  letters: Pick<Letters, 'send'>;
  audit: Pick<AuditLog, 'record'>;
  invitations: {
    /** Lets the owner of an address create an account; `refused` when that is not possible: they have one. */
    offer(invitation: { email: string; language: Language }, by: By): Promise<'invited' | 'refused'>;
  };
  urlOf(path: string): string;
};

type Joining = { email: string; name: string };
/** The requested address, and a secret of the browser. */
export type Asked = Joining & { secret: string };
type Reader = { by: By; language: Language };
type Waiting = Pick<WaitlistEntry, 'email' | 'emailCanonical' | 'language'>;
/** `search`: a part of the name or the email address. */
type WaitlistFilters = { status?: 'waiting' | 'invited' | undefined; search?: string | undefined };
type Invited = { invited: string[]; skipped: string[] };

/** An address without an account knows no browser. */
const browserOf = (secret: string): AskingBrowser => ({ holds: secret, deviceSecret: undefined });

/** The sign-in address for users with an account. */
const SIGN_IN_PATH = '/account';

/** A user with an account waits no more. False when the address was not on the list. */
export async function leaveWaitlist(em: EntityManager, emailCanonical: string): Promise<boolean> {
  return (await em.nativeDelete(WaitlistEntry, { emailCanonical })) > 0;
}

/** The waitlist. An address is on the list only after its verification. */
export class WaitlistService {
  readonly #deps: WaitlistDependencies;

  constructor(dependencies: WaitlistDependencies) {
    this.#deps = dependencies;
  }

  /** Sends a link and a code. A user with an account learns it only by mail; a visitor on the list confirms again. */
  async ask({ email, name, secret: held }: Asked, { by, language }: Reader): Promise<void> {
    const { database, users, oneTimeSecrets, letters, urlOf } = this.#deps;
    const owner = await users.findByIdentifier(email);
    await database.transaction(async (em) => {
      const holder = { emailCanonical: canonicalEmail(email) ?? '' };
      const secret = { purpose: 'waitlist', holder, address: email, form: 'both', data: { name, language } } as const;
      await oneTimeSecrets.issue(em, { ...secret, browser: browserOf(held) }, async ({ link, code }) => {
        const envelope = { kind: 'waitlist', language, ip: by.visitor?.ip, discard: link === null || code === null };
        if (owner !== null) {
          const context = { url: urlOf(SIGN_IN_PATH) };
          return letters.send(memberLetter, { ...envelope, to: { address: owner.email ?? email }, context }, em);
        }
        const context = { code: code ?? '', url: urlOf(`/waitlist/confirm/${link ?? ''}`) };
        return letters.send(confirmLetter, { ...envelope, to: { address: email }, context }, em);
      });
    });
  }

  /** Another link and code. */
  askAgain(asked: Asked, reader: Reader): Promise<Resent> {
    const { secret: holds, email: to } = asked;
    return this.#deps.oneTimeSecrets.askAgain({ purpose: 'waitlist', holds, to }, () => this.ask(asked, reader));
  }

  /** The owner of a link, without consuming it. */
  async findByLink(link: string): Promise<{ email: string } | null> {
    const secret = await this.#deps.oneTimeSecrets.findByLink('waitlist', link);
    return secret && { email: secret.address };
  }

  async joinByCode({ email, secret }: Asked, code: string, by: By): Promise<CodeOutcome['kind']> {
    const holder = { emailCanonical: canonicalEmail(email) ?? '' };
    const outcome = await this.#deps.oneTimeSecrets.verifyCode(
      { purpose: 'waitlist', holder, code, browser: browserOf(secret) },
      (em, found) => this.#join(em, found, by),
    );
    return outcome.kind;
  }

  async joinByLink(link: string, by: By): Promise<boolean> {
    const { database, oneTimeSecrets } = this.#deps;
    return database.transaction(async (em) => {
      const secret = await oneTimeSecrets.consumeLink(em, { purpose: 'waitlist', link });
      if (secret !== null) await this.#join(em, secret, by);
      return secret !== null;
    });
  }

  /** A page of those who wait and match. */
  async page(
    { status, search }: WaitlistFilters,
    page: PageRequest<'joined_at' | 'email'>,
  ): Promise<Page<WaitlistEntry>> {
    const text = search === undefined ? undefined : { $ilike: containing(search) };
    const matching = {
      ...(status === undefined ? {} : { invitedAt: status === 'invited' ? { $ne: null } : null }),
      ...(text === undefined ? {} : { $or: [{ name: text }, { email: text }] }),
    };
    const isByEmail = page.sort === 'email';
    const { where, options } = pageFind(page, isByEmail ? ['emailCanonical'] : ['joinedAt', 'id']);
    const em = this.#deps.database.em();
    const [rows, total] = await Promise.all([
      em.find(WaitlistEntry, { $and: [matching, where] }, options),
      page.wantsTotal ? em.count(WaitlistEntry, matching) : undefined,
    ]);
    const positionOf = ({ emailCanonical, joinedAt, id }: WaitlistEntry) =>
      isByEmail ? [emailCanonical] : [joinedAt.toISOString(), id];
    return { ...pageOf(rows, page, { show: (row) => row, positionOf }), total };
  }

  /** Throws waitlist.not_found. */
  async require(email: string): Promise<WaitlistEntry> {
    const found = await this.#deps.database
      .em()
      .findOne(WaitlistEntry, { emailCanonical: canonicalEmail(email) ?? '' });
    if (found === null) throw notOnWaitlist(email);
    return found;
  }

  /** Those who wait longest and were not invited yet; two operators at once invite different users. */
  async inviteFirst(count: number, by: By): Promise<Invited> {
    const { clock, database } = this.#deps;
    const outcome: Invited = { invited: [], skipped: [] };
    while (outcome.invited.length < count) {
      const [next] = await database.sql<Waiting>(
        `update waitlist_entry set invited_at = $1 where id = (
           select id from waitlist_entry where invited_at is null order by joined_at, id limit 1 for update skip locked
         ) returning email, email_canonical as "emailCanonical", language`,
        [clock.now()],
      );
      if (!next) break;
      await this.#invite(next, by, outcome).catch(async (error: unknown) => {
        const unmarked = 'update waitlist_entry set invited_at = null where email_canonical = $1';
        await database.sql(unmarked, [next.emailCanonical]);
        throw error;
      });
    }
    return outcome;
  }

  /** A visitor who was invited before gets a new link. Addresses that are not on the list are skipped. */
  async inviteThese(emails: readonly string[], by: By): Promise<Invited> {
    const wanted = new Map(emails.map((email) => [canonicalEmail(email) ?? '', email]));
    const found = await this.#deps.database.em().find(WaitlistEntry, { emailCanonical: { $in: [...wanted.keys()] } });
    for (const { emailCanonical } of found) wanted.delete(emailCanonical);
    const outcome: Invited = { invited: [], skipped: [...wanted.values()] };
    for (const entry of found) await this.#invite(entry, by, outcome);
    return outcome;
  }

  /** Throws waitlist.not_found. */
  async remove(email: string, by: By): Promise<void> {
    const { database, audit } = this.#deps;
    await database.transaction(async (em) => {
      if (!(await leaveWaitlist(em, canonicalEmail(email) ?? ''))) throw notOnWaitlist(email);
      await audit.record(em, waitlistRemoved({ ...by, details: { email } }));
    });
  }

  async #join(em: EntityManager, { address, data }: OneTimeSecret, by: By): Promise<void> {
    const { clock, audit } = this.#deps;
    const added = await em.execute<unknown[]>(
      `insert into waitlist_entry (id, email, email_canonical, name, language, joined_at, invited_at)
       values (?, ?, ?, ?, ?, ?, null) on conflict (email_canonical) do nothing returning 1`,
      [toUuid(newId('wait')), address, canonicalEmail(address), data['name'], data['language'], clock.now()],
    );
    if (added.length > 0)
      await audit.record(
        em,
        waitlistJoined({
          ...by,
          details: { email: address },
        }),
      );
  }

  /** An address that has an account by now is removed from the list instead. */
  async #invite(entry: Waiting, by: By, outcome: Invited): Promise<void> {
    const { clock, database, invitations } = this.#deps;
    const { email, emailCanonical, language } = entry;
    if ((await invitations.offer({ email, language }, by)) === 'refused') {
      await database.transaction((em) => leaveWaitlist(em, emailCanonical));
      return void outcome.skipped.push(email);
    }
    const marked = 'update waitlist_entry set invited_at = $1 where email_canonical = $2';
    await database.sql(marked, [clock.now(), emailCanonical]);
    outcome.invited.push(email);
  }
}
