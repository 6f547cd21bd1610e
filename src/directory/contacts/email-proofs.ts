import type { AuditLog, By } from '#audit/module.ts';
import {
  type AskingBrowser,
  type Factor,
  forgetProofs,
  methods,
  type OneTimeSecrets,
  type OpenSecret,
  type Resent,
} from '#credentials/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { Language } from '#kernel/i18n.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import type { AccessRevocation, UserId, UserService } from '#directory/users/module.ts';
import type { ContactService } from './contact-service.ts';
import type { ContactNotices } from './notices.ts';
import { emailTaken } from '#directory/users/errors.ts';
import { proofLetter, type ProofLetter, proofLinkLetter, takenLetter } from './contact-letters.ts';
import { emailNotFound } from './errors.ts';
import { userEmailAdded, userEmailChangeRequested, userEmailProofSent, userEmailVerified } from './events.ts';

/** The requester, the language, and the browser in which the code is valid. */
export type Asker = { userId: UserId; by: By; language: Language; browser: AskingBrowser };
/**
 * The user who proves an address. In a sign-in `provedWith` lists the factors that were proved in it, so that what another user left
 * in the account goes, and `record` writes in the sign-in that it goes on, in the transaction that consumes the proof.
 */
export type Prover = Pick<Asker, 'userId' | 'by'> & {
  provedWith?: readonly Factor[];
  record?: (em: EntityManager) => Promise<void>;
};
/** An address, and the path of the page that its link leads to. */
type ToProve = { address: string; why: ProofLetter['why']; path: string; interaction?: string };
export type ProofOutcome = 'confirmed' | 'wrong' | 'throttled';
type ProofPurpose = 'verify_email' | 'change_email';

export type ProofDependencies = {
  database: Pick<Database, 'transaction'>;
  users: Pick<UserService, 'findByIdentifier'>;
  contacts: Pick<ContactService, 'confirmEmail' | 'removeSince'>;
  oneTimeSecrets: Pick<OneTimeSecrets, 'issue' | 'askAgain' | 'findOpen' | 'verifyCode' | 'findByLink' | 'consumeLink'>;
  letters: Pick<Letters, 'send'>;
  notices: Pick<ContactNotices, 'tell'>;
  audit: Pick<AuditLog, 'record'>;
  accessRevocation: AccessRevocation<'primary email address proved for the first time'>;
  issuer: string;
};

/** In the sign-in that goes on with it, if it is in one. */
type ProverHere = Prover & { interaction: string | undefined };

/** Proofs that an address is a user's, by a link and a code in one mail. */
export class EmailProofs {
  readonly #deps: ProofDependencies;

  constructor(dependencies: ProofDependencies) {
    this.#deps = dependencies;
  }

  /**
   * Sends a link and a code; older ones of this browser are dead, and of a change all. When the address belongs to another user,
   * that user receives a notice instead, and the answer is the same. False when too many were sent, which depends on the asker alone.
   */
  async send({ userId, by, language, browser }: Asker, { address, why, path, interaction }: ToProve): Promise<boolean> {
    const { database, oneTimeSecrets, letters, users, audit, issuer } = this.#deps;
    const purpose = purposeOf(why);
    const holder = await users.findByIdentifier(address);
    return database.transaction(async (em) => {
      const secret = { purpose, holder: { userId }, address, form: 'both', browser } as const;
      const asked = { ...secret, ...(interaction === undefined ? {} : { interaction }) };
      const issued = await oneTimeSecrets.issue(em, asked, async ({ link, code }) => {
        // The account with the address has its own part of the mail limit: other accounts cannot use it up.
        const share = holder?.id === userId ? userId : undefined;
        const envelope = {
          kind: purpose,
          language,
          ip: by.visitor?.ip,
          share,
          discard: link === null || code === null,
        };
        if (holder !== null && holder.id !== userId)
          return letters.send(
            takenLetter,
            {
              ...envelope,
              to: { address: holder.email ?? address },
              context: { accountUrl: `${issuer}/account/emails` },
            },
            em,
          );
        const context = { why, code: code ?? '000000', url: `${issuer}${path}?token=${link ?? ''}` };
        return letters.send(proofLetter, { ...envelope, to: { address }, context }, em);
      });
      if (issued.code !== null && why === 'change')
        await audit.record(
          em,
          userEmailChangeRequested({
            ...by,
            subject: { type: 'user', id: userId },
            details: { email: address },
          }),
        );
      return issued.code !== null;
    });
  }

  /** Another link and code, for the page on which it is typed. */
  sendAgain(asker: Asker, toProve: ToProve): Promise<Resent> {
    const asked = { purpose: purposeOf(toProve.why), holds: asker.browser.holds, to: toProve.address };
    return this.#deps.oneTimeSecrets.askAgain(asked, () => this.send(asker, toProve));
  }

  /** The last valid secret for this user in this browser. */
  async pending(userId: UserId, purpose: ProofPurpose, browser: AskingBrowser): Promise<OpenSecret | null> {
    return this.#deps.oneTimeSecrets.findOpen(purpose, { userId }, browser);
  }

  /** The user of a link, if it is valid; it is not consumed. */
  async find(purpose: ProofPurpose, link: string): Promise<{ userId: UserId; address: string } | null> {
    const found = await this.#deps.oneTimeSecrets.findByLink(purpose, link);
    return found?.userId ? { userId: found.userId, address: found.address } : null;
  }

  /** Verifies by the typed code. If another user verified the address meanwhile, the code counts as wrong. */
  async confirmByCode(
    prover: Prover,
    { code, browser, interaction }: { code: string; browser: AskingBrowser; interaction?: string },
  ): Promise<ProofOutcome> {
    try {
      const outcome = await this.#deps.oneTimeSecrets.verifyCode(
        {
          purpose: 'verify_email',
          holder: { userId: prover.userId },
          code,
          browser,
        },
        async (em, secret) => this.#confirm(em, { ...prover, interaction }, secret.address),
      );
      return outcome.kind === 'verified' ? 'confirmed' : outcome.kind;
    } catch (error) {
      if (error instanceof NotTheirs) return 'wrong';
      throw error;
    }
  }

  /** By the link, for the user who asked for it alone, and in the sign-in that it was sent for. */
  async confirmByLink(
    prover: Prover,
    { link, interaction }: { link: string; interaction?: string },
  ): Promise<ProofOutcome> {
    const { database, oneTimeSecrets } = this.#deps;
    try {
      await database.transaction(async (em) => {
        const secret = await oneTimeSecrets.consumeLink(em, {
          purpose: 'verify_email',
          link,
          ...(interaction === undefined ? {} : { interaction }),
        });
        if (secret?.userId !== prover.userId) throw new NotTheirs();
        await this.#confirm(em, { ...prover, interaction }, secret.address);
      });
      return 'confirmed';
    } catch (error) {
      if (error instanceof NotTheirs) return 'wrong';
      throw error;
    }
  }

  /**
   * Verifies by an upstream provider that answers for the address, in its sign-in: an account whose address was never proved is
   * taken over by the owner of the address, and nothing that was left in it stays. False when the address is no longer of this account.
   */
  async confirmByProvider(prover: Prover & { interaction: string }, address: string): Promise<boolean> {
    try {
      await this.#deps.database.transaction((em) => this.#confirm(em, { ...prover, provedWith: [] }, address));
      return true;
    } catch (error) {
      if (error instanceof NotTheirs) return false;
      throw error;
    }
  }

  /**
   * Verifies by a mailed link that sets a new password, which only a reader of the mailbox has. Before the first proof another user may
   * have put credentials in the account: all of them go. False when the address is no longer of this account.
   */
  async confirmByReset(
    em: EntityManager,
    { userId, by }: Pick<Prover, 'userId' | 'by'>,
    address: string,
  ): Promise<boolean> {
    try {
      await this.#confirm(em, { userId, by, provedWith: [], interaction: undefined }, address);
      return true;
    } catch (error) {
      if (error instanceof NotTheirs) return false;
      throw error;
    }
  }

  /**
   * An operator answers for an address in place of a proof. The user keeps everything that is in the account. Throws
   * users.email_taken, contacts.email_not_found.
   */
  async vouch(em: EntityManager, { userId, by }: Pick<Prover, 'userId' | 'by'>, address: string): Promise<void> {
    const outcome = await this.#deps.contacts.confirmEmail(em, userId, address);
    if (outcome === 'taken') throw emailTaken();
    if (outcome === 'gone') throw emailNotFound();
    await this.#tell(em, { userId, by }, { address, isFirst: outcome === 'first_proof' });
  }

  /**
   * Sends a link for an operator, which the signed-in user opens. When the address belongs to another user, that user receives a notice
   * instead. False when the address received too many mails.
   */
  async sendLink({ userId, by, language }: Omit<Asker, 'browser'>, address: string): Promise<boolean> {
    const { database, oneTimeSecrets, letters, users, audit, issuer } = this.#deps;
    const holder = await users.findByIdentifier(address);
    return database.transaction(async (em) => {
      let isSent = false;
      const secret = { purpose: 'verify_email', holder: { userId }, address, form: 'link' } as const;
      await oneTimeSecrets.issue(em, secret, async ({ link }) => {
        const envelope = { kind: 'verify_email', language, ip: by.visitor?.ip, to: { address } };
        isSent =
          holder !== null && holder.id !== userId
            ? await letters.send(takenLetter, { ...envelope, context: { accountUrl: `${issuer}/account/emails` } }, em)
            : await letters.send(
                proofLinkLetter,
                { ...envelope, context: { url: `${issuer}/account/emails/confirm/address?token=${link ?? ''}` } },
                em,
              );
        return isSent;
      });
      const subject = { type: 'user', id: userId };
      if (isSent) await audit.record(em, userEmailProofSent({ ...by, subject, details: { email: address } }));
      return isSent;
    });
  }

  async #confirm(
    em: EntityManager,
    { userId, by, provedWith, record, interaction }: ProverHere,
    address: string,
  ): Promise<void> {
    const { contacts } = this.#deps;
    const outcome = await contacts.confirmEmail(em, userId, address);
    if (outcome === 'taken' || outcome === 'gone') throw new NotTheirs();
    const isFirst = outcome === 'first_proof';
    if (isFirst && provedWith !== undefined) await this.#dropOthers(em, { userId, by, provedWith, interaction });
    // Before the event, which locks the head of its chain: an act that takes proofs away locks the sign-in first, too.
    await record?.(em);
    await this.#tell(em, { userId, by }, { address, isFirst });
  }

  async #tell(
    em: EntityManager,
    { userId, by }: Pick<Prover, 'userId' | 'by'>,
    { address, isFirst }: { address: string; isFirst: boolean },
  ): Promise<void> {
    const { notices, audit } = this.#deps;
    const subject = { type: 'user', id: userId };
    await audit.record(
      em,
      isFirst
        ? userEmailVerified({ ...by, subject, details: { first: true } })
        : userEmailAdded({ ...by, subject, details: { email: address } }),
    );
    if (!isFirst) await notices.tell(em, userId, { kind: 'email_added', value: address, by });
  }

  /**
   * Until now no user had proved to be the owner. Credentials that this sign-in did not use may belong to an attacker who created the
   * account and waited for them: other factors, linked identities, additional addresses and numbers, sessions.
   */
  async #dropOthers(
    em: EntityManager,
    { userId, by, provedWith, interaction }: Required<Pick<Prover, 'provedWith'>> & ProverHere,
  ): Promise<void> {
    const { contacts, accessRevocation } = this.#deps;
    const keep = provedWith.flatMap((factor) => methods[factor].credential ?? []);
    await forgetProofs(em, userId, { since: null, keep });
    await contacts.removeSince(em, userId, { since: null });
    await accessRevocation.revoke(em, 'primary email address proved for the first time', userId, by, {
      keep: { interaction: interaction ?? null },
    });
  }
}

/** Undoes the transaction: what was sent stays as it was. */
class NotTheirs extends Error {}

const purposeOf = (why: ProofLetter['why']): ProofPurpose => (why === 'change' ? 'change_email' : 'verify_email');
