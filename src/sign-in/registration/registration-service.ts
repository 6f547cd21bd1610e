import type { AskingBrowser, OneTimeSecrets, Resent } from '#credentials/module.ts';
import { AppError, unreachable } from '#kernel/errors.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import { canonicalEmail, type UserService } from '#directory/users/module.ts';
import type { Applications, Refusal, Wish } from './applications.ts';
import { confirmLetter, takenLetter } from './registration-letters.ts';
import type { Asker, NewAccounts, Newcomer } from './new-accounts.ts';
import type { Application, PendingRegistrations } from './pending-registration.ts';

type BeginOutcome = { kind: 'sent' } | Refusal;

export type FinishOutcome =
  | { kind: 'created' }
  | { kind: 'wrong' }
  /** Too many tries: only a new code helps. */
  | { kind: 'throttled' }
  /** An account with this address was created meanwhile; the reader has verified the address. */
  | { kind: 'taken' }
  /** Nothing is pending here, or an account was made of it already. */
  | { kind: 'gone' };

export type RegistrationDependencies = {
  database: Pick<Database, 'transaction'>;
  users: Pick<UserService, 'findByIdentifier'>;
  oneTimeSecrets: Pick<OneTimeSecrets, 'issue' | 'askAgain' | 'verifyCode' | 'consumeLink' | 'findByLink'>;
  applications: Applications;
  accounts: NewAccounts;
  pending: PendingRegistrations;
  letters: Pick<Letters, 'send'>;
  /** Whole address of a path of ours. */
  urlOf(path: string): string;
};

/** The sign-in address for users with an account. */
const SIGN_IN_PATH = '/account';

/** Creating an account oneself. There is none before the address is proved, and an address that is taken is answered like any other. */
export class RegistrationService {
  readonly #deps: RegistrationDependencies;

  constructor(dependencies: RegistrationDependencies) {
    this.#deps = dependencies;
  }

  async begin(uid: string, wish: Wish, asker: Asker): Promise<BeginOutcome> {
    const prepared = await this.#deps.applications.prepare(wish, asker.by.visitor?.ip);
    if (prepared.kind !== 'prepared') return prepared;
    await this.#send(uid, prepared.application, asker);
    return { kind: 'sent' };
  }

  /** A new code and link; those that were sent to this sign-in before stop working. */
  async resend(
    uid: string,
    asker: Asker,
  ): Promise<Resent | Extract<Refusal, { kind: 'throttled' }> | { kind: 'gone' }> {
    const { applications, oneTimeSecrets, pending } = this.#deps;
    const throttled = await applications.take(asker.by.visitor?.ip);
    if (throttled !== null) return throttled;
    const application = await pending.find(uid);
    if (application === null) return { kind: 'gone' };
    const asked = { purpose: 'registration', holds: uid, to: application.email } as const;
    return oneTimeSecrets.askAgain(asked, () => this.#send(uid, application, asker));
  }

  /** Another address for what is pending; everything else of it stays. Counted as any other mail. */
  async changeAddress(
    uid: string,
    email: string,
    asker: Asker,
  ): Promise<Exclude<BeginOutcome, { kind: 'refused' }> | { kind: 'gone' }> {
    const { applications, pending } = this.#deps;
    const throttled = await applications.take(asker.by.visitor?.ip);
    if (throttled !== null) return throttled;
    const application = await pending.find(uid);
    if (application === null) return { kind: 'gone' };
    await this.#send(uid, { ...application, email }, asker);
    return { kind: 'sent' };
  }

  async findAddress(uid: string): Promise<string | null> {
    return (await this.#deps.pending.find(uid))?.email ?? null;
  }

  async finishByCode(uid: string, code: string, newcomer: Newcomer): Promise<FinishOutcome> {
    const { oneTimeSecrets, pending } = this.#deps;
    const application = await pending.find(uid);
    if (application === null) return { kind: 'gone' };
    const { emailCanonical } = application;
    const outcome = await untilTaken(() =>
      oneTimeSecrets.verifyCode(
        { purpose: 'registration', holder: { emailCanonical }, code, browser: browserOf(uid) },
        (em) => this.#create(em, uid, emailCanonical, newcomer),
      ),
    );
    switch (outcome.kind) {
      case 'verified':
        return { kind: 'created' };
      case 'wrong':
      case 'throttled':
      case 'taken':
      case 'gone':
        return outcome;
      default:
        return unreachable(outcome);
    }
  }

  /** Whether a link is one of this sign-in's, without consuming it. */
  async isLinkOf(uid: string, link: string): Promise<boolean> {
    const { oneTimeSecrets, pending } = this.#deps;
    const [secret, application] = await Promise.all([
      oneTimeSecrets.findByLink('registration', link),
      pending.find(uid),
    ]);
    return secret !== null && canonicalEmail(secret.address) === application?.emailCanonical;
  }

  /** Whether a link is one that was sent and neither used nor too old, of any sign-in. */
  async isUnused(link: string): Promise<boolean> {
    return (await this.#deps.oneTimeSecrets.findByLink('registration', link)) !== null;
  }

  async finishByLink(uid: string, link: string, newcomer: Newcomer): Promise<FinishOutcome> {
    const { database, oneTimeSecrets } = this.#deps;
    return untilTaken(() =>
      database.transaction(async (em) => {
        const secret = await oneTimeSecrets.consumeLink(em, { purpose: 'registration', link, interaction: uid });
        const proven = secret && canonicalEmail(secret.address);
        if (proven === null) return { kind: 'wrong' };
        await this.#create(em, uid, proven, newcomer);
        return { kind: 'created' };
      }),
    );
  }

  /** Makes the account of what is pending, if it is still about the address that was proved. */
  async #create(em: EntityManager, uid: string, proven: string, newcomer: Newcomer): Promise<void> {
    const application = await this.#deps.pending.take(em, uid);
    if (application === null || application.emailCanonical !== proven) throw new NothingPending();
    await this.#deps.accounts.create(em, uid, application, newcomer);
  }

  /** The same work and the same mail limits for a free and for a taken address; only the mail differs. */
  async #send(uid: string, application: Application, { by, language }: Asker): Promise<void> {
    const { database, users, oneTimeSecrets, pending, letters, urlOf } = this.#deps;
    const { email } = application;
    const owner = await users.findByIdentifier(email);
    const emailCanonical = canonicalEmail(email) ?? '';
    await database.transaction(async (em) => {
      // The same for a taken address: the next one that is typed here may be the visitor's own.
      await pending.save(em, uid, { ...application, emailCanonical });
      const secret = { purpose: 'registration', holder: { emailCanonical }, address: email, form: 'both' } as const;
      const asked = { ...secret, browser: browserOf(uid), interaction: uid };
      await oneTimeSecrets.issue(em, asked, async ({ link, code }) => {
        const envelope = {
          kind: 'registration',
          language,
          ip: by.visitor?.ip,
          discard: link === null || code === null,
        };
        if (owner !== null)
          return letters.send(
            takenLetter,
            { ...envelope, to: { address: owner.email ?? email }, context: { url: urlOf(SIGN_IN_PATH) } },
            em,
          );
        const url = urlOf(`/interaction/${uid}/create/link/${link ?? ''}`);
        const context = { code: code ?? '', url };
        return letters.send(confirmLetter, { ...envelope, to: { address: email }, context }, em);
      });
    });
  }
}

/** An address without an account knows no browser: the sign-in alone says whose code it is. */
const browserOf = (uid: string): AskingBrowser => ({ holds: uid, deviceSecret: undefined });

/** Thrown to leave a code or link unused. */
class NothingPending extends Error {}

async function untilTaken<T>(work: () => Promise<T>): Promise<T | { kind: 'taken' | 'gone' }> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NothingPending) return { kind: 'gone' };
    if (error instanceof AppError && error.code === 'users.email_taken') return { kind: 'taken' };
    throw error;
  }
}
