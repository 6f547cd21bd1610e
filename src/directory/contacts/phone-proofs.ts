import type { AuditLog } from '#audit/module.ts';
import type { AskingBrowser, OneTimeSecrets, OpenSecret, Resent } from '#credentials/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { Texts } from '#kernel/sms/texts.ts';
import type { ContactService } from './contact-service.ts';
import type { UserId } from '#directory/users/module.ts';
import type { Asker, ProofOutcome } from './email-proofs.ts';
import type { ContactNotices } from './notices.ts';
import { numberText } from './contact-letters.ts';
import { phoneNumberNotFound } from './errors.ts';
import { userPhoneAdded } from './events.ts';

export type PhoneDependencies = {
  database: Pick<Database, 'transaction'>;
  contacts: Pick<ContactService, 'confirmPhone'>;
  oneTimeSecrets: Pick<OneTimeSecrets, 'issue' | 'askAgain' | 'findOpen' | 'verifyCode'>;
  texts: Pick<Texts, 'send'>;
  notices: Pick<ContactNotices, 'tell'>;
  audit: Pick<AuditLog, 'record'>;
};

/** Proofs that a phone number is a user's, by a code in a text message. */
export class PhoneProofs {
  readonly #deps: PhoneDependencies;

  constructor(dependencies: PhoneDependencies) {
    this.#deps = dependencies;
  }

  /** False when too many were sent. */
  async send({ userId, by, language, browser }: Asker, number: string): Promise<boolean> {
    const { database, oneTimeSecrets, texts } = this.#deps;
    const purpose = 'verify_phone';
    return database.transaction(async (em) => {
      const secret = { purpose, holder: { userId }, address: number, form: 'code', browser } as const;
      const issued = await oneTimeSecrets.issue(em, secret, ({ code }) => {
        const context = { code: code ?? '000000' };
        const envelope = { kind: purpose, to: number, language, ip: by.visitor?.ip, discard: code === null };
        return texts.send(numberText, { ...envelope, context }, em);
      });
      return issued.code !== null;
    });
  }

  /** Another code, for the page on which it is typed. */
  sendAgain(asker: Asker, number: string): Promise<Resent> {
    const asked = { purpose: 'verify_phone', holds: asker.browser.holds, to: number } as const;
    return this.#deps.oneTimeSecrets.askAgain(asked, () => this.send(asker, number));
  }

  async pending(userId: UserId, browser: AskingBrowser): Promise<OpenSecret | null> {
    return this.#deps.oneTimeSecrets.findOpen('verify_phone', { userId }, browser);
  }

  async confirmByCode({ userId, by, browser }: Omit<Asker, 'language'>, code: string): Promise<ProofOutcome> {
    const outcome = await this.#deps.oneTimeSecrets.verifyCode(
      { purpose: 'verify_phone', holder: { userId }, code, browser },
      async (em, { address }) => {
        // Of a number that was removed meanwhile nothing is left to prove.
        await this.#confirm(em, { userId, by }, address);
      },
    );
    return outcome.kind === 'verified' ? 'confirmed' : outcome.kind;
  }

  /** An operator answers for a number in place of a proof. Throws contacts.phone_number_not_found. */
  async vouch(em: EntityManager, owner: Pick<Asker, 'userId' | 'by'>, number: string): Promise<void> {
    if (!(await this.#confirm(em, owner, number))) throw phoneNumberNotFound();
  }

  async #confirm(em: EntityManager, { userId, by }: Pick<Asker, 'userId' | 'by'>, number: string): Promise<boolean> {
    const { contacts, notices, audit } = this.#deps;
    if ((await contacts.confirmPhone(em, userId, number)) === 'gone') return false;
    const details = { phone_number: number };
    await audit.record(em, userPhoneAdded({ ...by, subject: { type: 'user', id: userId }, details }));
    await notices.tell(em, userId, { kind: 'phone_added', value: number, by });
    return true;
  }
}
