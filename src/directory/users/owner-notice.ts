import type { EventTypeRow, Visitor } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { EntityManager } from '#kernel/database.ts';
import { deviceName } from '#kernel/http/device-name.ts';
import { chooseLanguage, type Language } from '#kernel/i18n.ts';
import type { Letter, Letters } from '#kernel/mail/letters.ts';
import type { User } from './user.ts';

type Dependencies = { clock: Clock; letters: Pick<Letters, 'send'> };

/** Common data of each such mail about the act. */
type Circumstances = {
  at: Date;
  /** `Firefox, Linux`; null where no browser was involved, or it does not say. */
  device: string | null;
  ip: string | null;
  language: Language;
};

type Notice<C extends object> = {
  letter: Letter<C>;
  /** Of the mail, for its limits. */
  kind: string;
  owner: Pick<User, 'email' | 'profile'>;
  /** The primary email address of the owner when left out; a user without one receives nothing. */
  address?: string | null | undefined;
  visitor: Visitor | undefined;
  /** Of the browser: taken where the owner has chosen none. */
  language?: Language | undefined;
  expiresAt?: Date;
  context(circumstances: Circumstances): NoInfer<C>;
};

/**
 * Tells the owner of an account by mail what happened, in the transaction of the act and in the owner's language. The one place that
 * decides whether: the catalogue names the letter of each type of events, and where it names none, nothing is sent.
 *
 * @throws Error where the letter is another one than the catalogue names
 */
export async function tellOwner<C extends object>(
  { clock, letters }: Dependencies,
  em: EntityManager,
  type: EventTypeRow,
  { letter, kind, owner, address = owner.email, visitor, language: remembered, expiresAt, context }: Notice<C>,
): Promise<void> {
  if (type.letter === null || !address) return;
  if (type.letter !== letter.name) throw new Error(`${type.name} has the letter ${type.letter}, not ${letter.name}`);
  const { browser, system } = deviceName(visitor?.userAgent ?? '');
  const language = chooseLanguage({ uiLocales: owner.profile.locale, remembered });
  const circumstances = {
    at: clock.now(),
    device: [browser, system].filter((part) => part !== null).join(', ') || null,
    ip: visitor?.ip ?? null,
    language,
  };
  await letters.send(
    letter,
    {
      kind,
      to: { address },
      language,
      context: context(circumstances),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    },
    em,
  );
}
