import type { EventTypeRow, Visitor } from '#audit/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import { chooseLanguage, type Language } from '#kernel/i18n.ts';
import type { Letter, Letters } from '#kernel/mail/letters.ts';
import type { User } from './user.ts';

type Owner = Pick<User, 'id' | 'email' | 'profile'>;

/** The facts of the act in each such mail. */
export type Circumstances = {
  at: Date;
  /** `Firefox, Linux`; null where no browser was involved, or it does not say. */
  device: string | null;
  ip: string | null;
  /** `Lisbon, Portugal`; null where it is not known. */
  place: string | null;
  /** The link by which the reader of the mail locks the account; null where the act was not one of the account, or another mailbox has it. */
  notMeUrl: string | null;
};

/** For samples of letters. */
export const sampleCircumstances: Circumstances = {
  at: new Date('2026-11-22T10:31:00Z'),
  device: 'Firefox, Linux',
  ip: '192.0.2.7',
  place: 'Lisbon, Portugal',
  notMeUrl: 'https://id.example.com/not-me?token=q7Xr1m0b2ZkVn4c8Yt5uWd3eFh6JpLsA9gKiTxOyEbM',
};
/** Of an act of an operator. */
export const sampleUnseen = { device: null, ip: null, place: null, notMeUrl: null };

/** An act that the owner of an account is told about. */
type ToldAct = {
  owner: Pick<User, 'id' | 'email'>;
  visitor: Visitor | undefined;
  /** Of the mail. */
  language: Language;
  /** Whether the act is the sign-in itself; any other act comes some minutes after one. */
  isSignIn: boolean;
  /** Whether the mail goes to the primary email address. */
  isPrimary: boolean;
};

type Dependencies = {
  letters: Pick<Letters, 'send'>;
  /** Finds out what is said of an act, and makes the link in the transaction of the act. */
  describeAct(em: EntityManager, act: ToldAct): Promise<Circumstances>;
};
export type OwnerNoticeDependencies = Dependencies;

type Notice<C extends object> = {
  letter: Letter<C>;
  /** Of the mail, for its limits. */
  kind: string;
  owner: Owner;
  /** The primary email address of the owner when left out; a user without one receives nothing. */
  address?: string | null | undefined;
  visitor: Visitor | undefined;
  /** Of the browser: taken where the owner has chosen none. */
  language?: Language | undefined;
  expiresAt?: Date;
  isSignIn?: boolean;
  context(circumstances: Circumstances): NoInfer<C>;
};

/**
 * Tells the owner of an account by mail what happened, in the transaction of the act, in the owner's language and time zone. The one
 * place that decides whether: the catalogue names the letter of each type of events, and where it names none, nothing is sent.
 *
 * @throws Error where the letter is another one than the catalogue names
 */
export async function tellOwner<C extends object>(
  { letters, describeAct }: Dependencies,
  em: EntityManager,
  type: EventTypeRow,
  {
    letter,
    kind,
    owner,
    address = owner.email,
    visitor,
    language: remembered,
    expiresAt,
    isSignIn = false,
    context,
  }: Notice<C>,
): Promise<void> {
  if (type.letter === null || !address) return;
  if (type.letter !== letter.name) throw new Error(`${type.name} has the letter ${type.letter}, not ${letter.name}`);
  const language = chooseLanguage({ uiLocales: owner.profile.locale, remembered });
  const isPrimary = address === owner.email;
  const circumstances = await describeAct(em, { owner, visitor, language, isSignIn, isPrimary });
  await letters.send(
    letter,
    {
      kind,
      to: { address },
      language,
      timeZone: owner.profile.zoneinfo,
      context: context(circumstances),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    },
    em,
  );
}
