import type { AuditLog, By, EventTypeRow } from '#audit/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import type { Language } from '#kernel/i18n.ts';
import type { AccessRevocation, PasswordDemands, User, UserId } from '#directory/users/module.ts';
import { userPasswordChanged, userPasswordRemoved, userPasswordReset, userPasswordSet } from '../events.ts';
import type { PasswordService } from './password-service.ts';

/** How a password becomes another one: what is recorded, what it ends, and whether the wrong tries before it are taken back. */
const acts = {
  reset: { event: userPasswordReset, ends: 'password reset by mail', forgives: true },
  demanded: { event: userPasswordChanged, ends: 'password set in a sign-in', forgives: true },
  changed: { event: userPasswordChanged, ends: 'password changed on the account page', forgives: false },
  set: { event: userPasswordSet, ends: 'password changed on the account page', forgives: false },
  temporary: { event: userPasswordChanged, ends: 'temporary password set by an operator', forgives: true },
  removed: { event: userPasswordRemoved, ends: 'password changed on the account page', forgives: false },
} as const;

type PasswordAct = keyof typeof acts;

export type NewPasswordDependencies<Act extends PasswordAct> = {
  passwords: Pick<PasswordService, 'forgive'>;
  demands: Pick<PasswordDemands, 'settle'>;
  accessRevocation: AccessRevocation<(typeof acts)[Act]['ends']>;
  audit: Pick<AuditLog, 'record'>;
  /** Writes to the owner, in the transaction that changes the password. */
  tellOwner(
    em: EntityManager,
    user: User,
    act: Act,
    about: { type: EventTypeRow; by: By; language: Language | undefined },
  ): Promise<void>;
};

export type NewPassword<Act extends PasswordAct> = {
  user: User;
  act: Act;
  /** Writes the password, or takes it away. */
  save(em: EntityManager, userId: UserId): Promise<void>;
  by: By;
  /** Of this browser: the owner's is taken first. */
  language?: Language;
  deviceSecret: string | undefined;
  /** The sign-in that goes on, and the session that it begins with or that the user is in. */
  keep?: { interaction?: string; session: string | null };
  /** Has the sign-in go on, in the same transaction; throws, and so undoes it, where the sign-in was ended meanwhile. */
  goOn?: (em: EntityManager) => Promise<void>;
};

/** The only place where a password replaces another: sessions of the old one end, and the owner is notified. */
export class NewPasswords<Act extends PasswordAct> {
  readonly #deps: NewPasswordDependencies<Act>;

  constructor(dependencies: NewPasswordDependencies<Act>) {
    this.#deps = dependencies;
  }

  async write(
    em: EntityManager,
    { user, act, save, by, language, deviceSecret, keep, goOn }: NewPassword<Act>,
  ): Promise<void> {
    const { passwords, demands, accessRevocation, audit, tellOwner } = this.#deps;
    const { event, ends, forgives } = acts[act];
    await save(em, user.id);
    await accessRevocation.revoke(em, ends, user.id, by, keep === undefined ? {} : { keep });
    await goOn?.(em);
    if (forgives) await passwords.forgive(em, user.id, deviceSecret);
    await demands.settle(em, user.id);
    await audit.record(em, event({ ...by, subject: { type: 'user', id: user.id } }));
    await tellOwner(em, user, act, { type: event, by, language });
  }
}
