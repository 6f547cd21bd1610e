import type { AuditLog, By } from '#audit/module.ts';
import type { PasswordService, PreparedPassword } from '#credentials/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { EntityManager } from '#kernel/database.ts';
import { deviceName } from '#kernel/http/device-name.ts';
import { chooseLanguage, type Language } from '#kernel/i18n.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import type { AccessRevocation, PasswordDemands, User } from '#users/module.ts';
import { changedLetter } from './changed-letter.ts';

export type NewPasswordDependencies = {
  clock: Clock;
  /** Where our pages are. */
  origin: string;
  passwords: Pick<PasswordService, 'forgive'>;
  demands: Pick<PasswordDemands, 'settle'>;
  access: AccessRevocation<'password reset by mail' | 'password set in a sign-in'>;
  letters: Pick<Letters, 'send'>;
  audit: Pick<AuditLog, 'record'>;
};

export type NewPassword = {
  user: User;
  prepared: Extract<PreparedPassword, { kind: 'prepared' }>;
  /** By a link, or in a sign-in that demanded it. */
  how: 'reset' | 'demanded';
  by: By;
  /** Of this browser: the owner's is taken first. */
  language: Language;
  deviceSecret: string | undefined;
  /** The sign-in that goes on, and the session that it begins with. */
  goesOn?: { interaction: string; session: string | null };
};

/** Writes a password that takes the place of another: what the old one opened is closed, and the owner is told. */
export class NewPasswords {
  readonly #deps: NewPasswordDependencies;

  constructor(dependencies: NewPasswordDependencies) {
    this.#deps = dependencies;
  }

  async write(
    em: EntityManager,
    { user, prepared, how, by, language, deviceSecret, goesOn }: NewPassword,
  ): Promise<void> {
    const { passwords, demands, access, audit } = this.#deps;
    await prepared.save(em, user.id);
    if (how === 'reset') await access.revoke(em, 'password reset by mail', user.id, by);
    else await access.revoke(em, 'password set in a sign-in', user.id, by, goesOn ? { keep: goesOn } : {});
    await passwords.forgive(em, user.id, deviceSecret);
    await demands.settle(em, user.id);
    await audit.record(em, {
      type: how === 'reset' ? 'user.password_reset' : 'user.password_changed',
      ...by,
      subject: { type: 'user', id: user.id },
    });
    await this.tellOwner(em, user, { by, language });
  }

  /** In the transaction that changes the password. */
  async tellOwner(
    em: EntityManager,
    { email, profile }: User,
    { by: { visitor }, language }: Pick<NewPassword, 'by' | 'language'>,
  ): Promise<void> {
    const { clock, letters, origin } = this.#deps;
    const { browser, system } = deviceName(visitor?.userAgent ?? '');
    await letters.send(
      changedLetter,
      {
        kind: 'password_changed',
        to: { address: email },
        language: chooseLanguage({ uiLocales: profile.locale, remembered: language }),
        context: {
          email,
          at: clock.now(),
          device: [browser, system].filter((part) => part !== null).join(', ') || null,
          ip: visitor?.ip ?? null,
          url: `${origin}/recovery`,
        },
      },
      em,
    );
  }
}
