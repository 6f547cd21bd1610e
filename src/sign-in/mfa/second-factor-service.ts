import { type AuditLog, type By, byUser } from '#audit/module.ts';
import {
  type CodeOutcome,
  type FactorOutcome,
  type OneTimeSecrets,
  type RecoveryCodes,
  type Resent,
  type SecondFactorAttempts,
  type TotpService,
  secretLifetimes,
} from '#credentials/module.ts';
import type { DueInteraction } from '#sign-in/interaction/module.ts';
import { type Clock, fromNow, HOUR, SECOND } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { unreachable } from '#kernel/errors.ts';
import type { Language } from '#kernel/i18n.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import type { Texts } from '#kernel/sms/texts.ts';
import { secondFactorCodeLetter, secondFactorCodeText } from './code-letters.ts';
import type { CodeWay, SentWay } from './offered-second-factors.ts';
import { userSecondFactorFailed } from '#credentials/events.ts';
import { maskMailAddress } from '#kernel/mail/address.ts';
import { isPhoneNumber, maskPhoneNumber } from '#kernel/sms/number.ts';
import type { OwnerNoticeDependencies, User } from '#directory/users/module.ts';

/** Enough for its owner to know it, too little for a user who only knows the password. */
export const maskedAddress = (address: string): string =>
  isPhoneNumber(address) ? maskPhoneNumber(address) : maskMailAddress(address);

/** The number to which codes may go; null where the user has proved none. */
export const provenNumber = ({ phoneNumber, phoneNumberVerified }: User): string | null =>
  phoneNumberVerified ? (phoneNumber ?? null) : null;

type TryOutcome =
  | { kind: 'verified' }
  | { kind: 'wrong' }
  /** This code was tried too often; another one helps. */
  | { kind: 'used-up' }
  | { kind: 'throttled'; until: Date; waitSeconds: number };

/** The user of the page, and the browser. */
type Arrival = { by: By; deviceSecret: string | undefined };

/** `limited`: too many were sent, and nothing was. */
type SendOutcome = 'sent' | 'limited';

export type SecondFactorDependencies = {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'note'>;
  totp: Pick<TotpService, 'verify'>;
  recoveryCodes: Pick<RecoveryCodes, 'verify'>;
  oneTimeSecrets: Pick<OneTimeSecrets, 'issue' | 'askAgain' | 'verifyCode'>;
  secondFactorAttempts: Pick<SecondFactorAttempts, 'guard'>;
  letters: Pick<Letters, 'send'>;
  describeAct: OwnerNoticeDependencies['describeAct'];
  texts: Pick<Texts, 'send'>;
};

const purposes = { email: 'second_factor', sms: 'second_factor_sms' } as const;
const LIFETIME = secretLifetimes.second_factor;
/** The waiting time shown for codes that stay refused until a reset. */
const LONGEST_WAIT = 4 * HOUR;

/** Sends and checks the codes of a sign-in that has come to its second step. */
export class SecondFactorService {
  readonly #deps: SecondFactorDependencies;

  constructor(dependencies: SecondFactorDependencies) {
    this.#deps = dependencies;
  }

  /** `record` writes the proof in the sign-in, in the transaction that consumes the code. */
  async attempt(
    { userId, uid }: Pick<DueInteraction, 'userId' | 'uid'>,
    { way, code }: { way: CodeWay; code: string },
    arrival: Arrival,
    record: (em: EntityManager) => Promise<void>,
  ): Promise<TryOutcome> {
    const outcome = await this.#check(way, { userId, uid, code, record }, arrival);
    if (outcome.kind === 'verified') return outcome;
    await this.#deps.audit.note(
      userSecondFactorFailed({
        ...arrival.by,
        subject: { type: 'user', id: userId },
        outcome: 'failure',
        details: { factor: way, reason: outcome.kind },
      }),
    );
    return outcome.kind === 'throttled' ? this.#throttled(outcome.until) : outcome;
  }

  /** Sends a code that is good in this sign-in alone; those sent to it before are dead. */
  async send(
    { userId, uid, question, facts: { user } }: DueInteraction,
    way: SentWay,
    { by: { visitor }, deviceSecret }: Arrival,
    language: Language,
  ): Promise<SendOutcome> {
    const { clock, database, oneTimeSecrets, letters, texts, describeAct } = this.#deps;
    const address = (way === 'email' ? user.email : provenNumber(user)) ?? null;
    if (address === null) return 'limited';
    return database.transaction(async (em) => {
      const secret = { purpose: purposes[way], holder: { userId }, address, form: 'code', interaction: uid } as const;
      const asked = { ...secret, browser: { holds: uid, deviceSecret } };
      const issued = await oneTimeSecrets.issue(em, asked, async ({ code }, share) => {
        if (code === null) return false;
        const envelope = { kind: purposes[way], language, expiresAt: fromNow(clock, LIFETIME), ip: visitor?.ip, share };
        if (way === 'sms') return texts.send(secondFactorCodeText, { ...envelope, to: address, context: { code } }, em);
        const context = {
          ...(await describeAct(em, { owner: user, visitor, language, isSignIn: true, isPrimary: false })),
          code,
          lifetime: LIFETIME / SECOND,
          client: question.client.name,
        };
        const { zoneinfo: timeZone } = user.profile;
        return letters.send(secondFactorCodeLetter, { ...envelope, to: { address }, timeZone, context }, em);
      });
      return issued.code === null ? 'limited' : 'sent';
    });
  }

  /** Another one, for the page on which it is typed. */
  sendAgain(due: DueInteraction, way: SentWay, arrival: Arrival, language: Language): Promise<Resent> {
    const asked = { purpose: purposes[way], holds: due.uid, to: due.userId };
    return this.#deps.oneTimeSecrets.askAgain(
      asked,
      async () => (await this.send(due, way, arrival, language)) === 'sent',
    );
  }

  async #check(
    way: CodeWay,
    {
      userId,
      uid,
      code,
      record,
    }: Pick<DueInteraction, 'userId' | 'uid'> & { code: string; record: (em: EntityManager) => Promise<void> },
    { by: { visitor }, deviceSecret }: Arrival,
  ): Promise<FactorOutcome | { kind: 'used-up' }> {
    const { totp, recoveryCodes, oneTimeSecrets, secondFactorAttempts } = this.#deps;
    const by = { ...byUser(userId, visitor), deviceSecret };
    switch (way) {
      case 'totp':
        return totp.verify(userId, code, by, record);
      case 'recovery-code':
        return recoveryCodes.verify(userId, code, by, record);
      case 'email':
      case 'sms': {
        let last: CodeOutcome['kind'] = 'wrong';
        const outcome = await secondFactorAttempts.guard(userId, by, async () => {
          const purpose = purposes[way];
          const browser = { holds: uid, deviceSecret };
          last = (await oneTimeSecrets.verifyCode({ purpose, holder: { userId }, code, browser }, record)).kind;
          return last === 'verified';
        });
        return outcome.kind === 'wrong' && (last as CodeOutcome['kind']) === 'throttled'
          ? { kind: 'used-up' }
          : outcome;
      }
      default:
        return unreachable(way);
    }
  }

  #throttled(until: Date | null): TryOutcome {
    const { clock } = this.#deps;
    const end = until ?? fromNow(clock, LONGEST_WAIT);
    return {
      kind: 'throttled',
      until: end,
      waitSeconds: Math.max(1, Math.ceil((end.getTime() - clock.now().getTime()) / SECOND)),
    };
  }
}
