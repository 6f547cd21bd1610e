import type { SignInOutcome } from '#sign-in/interaction/module.ts';
import type { AuditLog, By } from '#audit/module.ts';
import {
  type AskingBrowser,
  type Holder,
  type Issued,
  methods,
  type OneTimeSecret,
  type OneTimeSecrets,
  type Resent,
  type SentFirstFactor,
  secretLifetimes,
} from '#credentials/module.ts';
import { type Clock, fromNow, SECOND } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { chooseLanguage, type Language } from '#kernel/i18n.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import type { Texts } from '#kernel/sms/texts.ts';
import type { Policies, PolicySubject } from '#settings/module.ts';
import {
  canonicalIdentifier,
  type ReachablePeople,
  type ReachablePerson,
  unknownAddress,
  type UserId,
} from '#directory/users/module.ts';
import { codeText, signInLetter } from './sign-in-letters.ts';
import { userSignInFailed } from '#sign-in/interaction/events.ts';
import { userSignInCodeSent } from './events.ts';

export type Channel = SentFirstFactor;
type Sent = 'both' | 'code' | 'link';

/** The sign-in that a code is for, and where it was asked for. */
export type Asking = {
  channel: Channel;
  identifier: string;
  /** The sign-in: what is sent is good in it alone. */
  uid: string;
  client: { id: string; name: string };
  /** The organization that the sign-in is for. */
  organization: string | undefined;
  language: Language;
  by: By;
  /** By which the account may know the browser. */
  deviceSecret: string | undefined;
};

/** The subject of the policy before the user is known: the client, and the organization that the sign-in is for. */
export const subjectOf = ({
  question: { client, organization },
}: {
  question: { client: { id: string }; organization: string | null };
}): PolicySubject => ({ client: client.id, organization: organization ?? undefined });

type CodeOutcome = { kind: 'verified' } | { kind: 'wrong' } | { kind: 'throttled' };

/** Records in the sign-in what a user has proved, in the transaction that uses the code or the link up. */
type RecordProof = (em: EntityManager, userId: UserId) => Promise<void>;

export type SignInCodeDependencies = {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  /** Where our pages are. */
  issuer: string;
  people: Pick<ReachablePeople, 'find'>;
  /** Users who sign in by a connection of their organization alone are answered as unknown ones. */
  realms: { binds(person: Pick<ReachablePerson, 'id' | 'email'>): Promise<boolean> };
  oneTimeSecrets: Pick<OneTimeSecrets, 'issue' | 'askAgain' | 'findByLink' | 'consumeLink' | 'verifyCode'>;
  letters: Pick<Letters, 'send'>;
  texts: Pick<Texts, 'send'>;
  policies: Policies<'signIn'>;
  audit: Pick<AuditLog, 'record' | 'note'>;
  pressure: { noteFailure(trial: { ip: string | undefined; identifier: string }): Promise<void> };
  counted?: ((outcome: SignInOutcome) => void) | undefined;
};

const LIFETIME = secretLifetimes.sign_in;
const purposes = { email: 'sign_in', sms: 'sign_in_sms' } as const;

/**
 * Codes and links that prove an address or a number at the beginning of a sign-in. For an account that cannot be reached so,
 * and without an account, the same is written, and thrown away instead of sent.
 */
export class SignInCodes {
  readonly #deps: SignInCodeDependencies;

  constructor(dependencies: SignInCodeDependencies) {
    this.#deps = dependencies;
  }

  /** The secrets in a mail or text message, by policy. */
  sentBy(channel: Channel, subject: PolicySubject): Sent {
    const { methods: opened } = this.#deps.policies.for(subject).signIn;
    const { settings, link } = methods[channel].first;
    if (link === null || !opened.includes(link)) return 'code';
    return settings.some((setting) => setting !== link && opened.includes(setting)) ? 'both' : 'link';
  }

  async send(asking: Asking): Promise<void> {
    const { database, oneTimeSecrets, audit } = this.#deps;
    const { channel, identifier, uid, client, organization, by } = asking;
    const person = await this.#find(identifier);
    const address = addressOf(channel, person, identifier);
    await database.transaction(async (em) => {
      let isDiscarded = false;
      const secret = {
        purpose: purposes[channel],
        holder: holderOf(person, identifier),
        address,
        form: this.sentBy(channel, { client: client.id, organization }),
        browser: browserOf(asking),
        interaction: uid,
        data: { client: client.name, identifier },
      };
      await oneTimeSecrets.issue(em, secret, (issued, share) => {
        isDiscarded = !isReached(channel, person) || (issued.link === null && issued.code === null);
        return this.#deliver(em, asking, { person, address, ...issued, share, discard: isDiscarded });
      });
      await audit.record(
        em,
        userSignInCodeSent({
          ...by,
          ...(person ? { subject: { type: 'user', id: person.id } } : {}),
          details: { channel, known_account: person !== null, discarded: isDiscarded },
        }),
      );
    });
  }

  /** The same answer with and without an account. */
  sendAgain(asking: Asking): Promise<Resent> {
    const { channel, uid, identifier } = asking;
    const asked = { purpose: purposes[channel], holds: uid, to: identifier };
    return this.#deps.oneTimeSecrets.askAgain(asked, () => this.send(asking));
  }

  /** Checks a code that was typed in this sign-in. Tries are counted by account, and by address where there is none. */
  async verify(code: string, asking: Asking, record: RecordProof): Promise<CodeOutcome> {
    const { oneTimeSecrets } = this.#deps;
    const { channel, identifier } = asking;
    const person = await this.#find(identifier);
    const holder = holderOf(person, identifier);
    const owners: UserId[] = [];
    const outcome = await oneTimeSecrets.verifyCode(
      { purpose: purposes[channel], holder, code, browser: browserOf(asking) },
      async (em, secret) => owners.push(...(await this.#recordOwner(em, channel, secret, record))),
    );
    if (outcome.kind !== 'verified') return this.#refused(outcome, asking, person);
    return owners.length === 0 ? this.#refused({ kind: 'wrong' }, asking, person) : this.#verified();
  }

  /** The subject of a link, without consuming it; null for an invalid link. */
  async findLink(link: string): Promise<{ userId: UserId; address: string; client: string } | null> {
    const secret = await this.#deps.oneTimeSecrets.findByLink(purposes.email, link);
    const userId = secret === null ? null : await this.#ownerOf('email', secret);
    if (secret === null || userId === null) return null;
    return { userId, address: secret.address, client: String(secret.data['client'] ?? '') };
  }

  /** Consumes a link, in the sign-in that it was sent for; false when it is none, or another's. */
  async useLink(link: string, uid: string, record: RecordProof): Promise<boolean> {
    const { database, oneTimeSecrets } = this.#deps;
    const owners = await database.transaction(async (em) => {
      const secret = await oneTimeSecrets.consumeLink(em, { purpose: purposes.email, link, interaction: uid });
      return secret === null ? [] : this.#recordOwner(em, 'email', secret, record);
    });
    if (owners.length > 0) this.#verified();
    return owners.length > 0;
  }

  async #find(identifier: string): Promise<ReachablePerson | null> {
    const { people, realms } = this.#deps;
    const person = await people.find(identifier);
    return person === null || (await realms.binds(person)) ? null : person;
  }

  /** Null if the proved contact no longer belongs to the user: the proof is consumed without effect. */
  async #recordOwner(
    em: EntityManager,
    channel: Channel,
    secret: OneTimeSecret,
    record: RecordProof,
  ): Promise<readonly UserId[]> {
    const userId = await this.#ownerOf(channel, secret, em);
    if (userId === null) return [];
    await record(em, userId);
    return [userId];
  }

  async #deliver(
    em: EntityManager,
    { channel, uid, client, language: asked, by }: Asking,
    sending: Issued & {
      person: ReachablePerson | null;
      address: string;
      share: string | undefined;
      discard: boolean;
    },
  ): Promise<boolean> {
    const { letters, texts, issuer, clock } = this.#deps;
    const { person, address, code, link, share, discard } = sending;
    const envelope = {
      kind: purposes[channel],
      language: chooseLanguage({ uiLocales: person?.locale, remembered: asked }),
      ip: by.visitor?.ip,
      share,
      discard,
      expiresAt: fromNow(clock, LIFETIME),
    };
    if (channel === 'sms')
      return texts.send(codeText, { ...envelope, to: address, context: { code: code ?? '000000' } }, em);
    const url = link === null ? null : `${issuer}/interaction/${uid}/email-link/${link}`;
    return letters.send(
      signInLetter,
      {
        ...envelope,
        to: { address },
        context: { email: address, client: client.name, code, url, lifetime: LIFETIME / SECOND },
      },
      em,
    );
  }

  /** The user, if what was proved is still theirs. */
  async #ownerOf(
    channel: Channel,
    { userId, address, data }: OneTimeSecret,
    em?: EntityManager,
  ): Promise<UserId | null> {
    const identifier = channel === 'email' ? address : String(data['identifier'] ?? '');
    const person = await this.#deps.people.find(identifier, em);
    const isTheirs = person?.id === userId && isReached(channel, person);
    return isTheirs && addressOf(channel, person, identifier) === address ? userId : null;
  }

  #verified(): CodeOutcome {
    this.#deps.counted?.('verified');
    return { kind: 'verified' };
  }

  async #refused(
    outcome: Exclude<CodeOutcome, { kind: 'verified' }>,
    { channel, identifier, by }: Asking,
    person: ReachablePerson | null,
  ): Promise<CodeOutcome> {
    const { audit, pressure, counted } = this.#deps;
    await pressure.noteFailure({ ip: by.visitor?.ip, identifier });
    await audit.note(
      userSignInFailed({
        ...by,
        ...(person ? { subject: { type: 'user', id: person.id } } : {}),
        outcome: 'failure',
        details: { reason: outcome.kind, method: channel, known_account: person !== null },
      }),
    );
    counted?.(outcome.kind);
    return outcome;
  }
}

/** The page is in the browser in which the sign-in began, and in no other. */
const browserOf = ({ uid, deviceSecret }: Asking): AskingBrowser => ({ holds: uid, deviceSecret });

const holderOf = (person: ReachablePerson | null, identifier: string): Holder =>
  person === null ? { emailCanonical: canonicalIdentifier(identifier) ?? identifier } : { userId: person.id };

/** Only to what is proved to be theirs. */
function isReached(channel: Channel, person: ReachablePerson | null): person is ReachablePerson {
  if (person === null || person.status !== 'active') return false;
  return channel === 'email' ? person.emailVerified : person.phoneNumber !== null && person.phoneNumberVerified;
}

/** The recipient. A user without a number gets an unused one: messages to it are discarded. */
function addressOf(channel: Channel, person: ReachablePerson | null, identifier: string): string {
  if (channel === 'email') return person?.email ?? unknownAddress(identifier);
  return person?.phoneNumber ?? `+1202555${String(100 + (sha256(identifier).readUInt16BE() % 100)).padStart(4, '0')}`;
}
