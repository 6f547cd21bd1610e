import type { By } from '#audit/module.ts';
import { passwordOwner, type PasswordProblem, type PasswordService } from '#credentials/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { AccessRevocation, User } from '#directory/users/module.ts';
import type { PendingRegistrations } from './pending-registration.ts';

export type FirstPasswordDependencies = {
  database: Pick<Database, 'transaction'>;
  passwords: Pick<PasswordService, 'prepare'>;
  accessRevocation: AccessRevocation<'password set in a sign-in'>;
  pending: Pick<PendingRegistrations, 'changeChoice'>;
};

/** A password for a new user who wanted a passkey when the account was made, and decides otherwise. */
export class FirstPasswords {
  readonly #deps: FirstPasswordDependencies;

  constructor(dependencies: FirstPasswordDependencies) {
    this.#deps = dependencies;
  }

  /** Why it may not be set; null when it is set. `interaction` is the sign-in that goes on; `record` writes that, in the same transaction. */
  async set(
    user: Pick<User, 'id' | 'email' | 'username' | 'profile'>,
    password: string,
    { by, interaction, record }: { by: By; interaction: string; record: (em: EntityManager) => Promise<void> },
  ): Promise<PasswordProblem | null> {
    const { database, passwords, accessRevocation, pending } = this.#deps;
    const { id: userId } = user;
    const prepared = await passwords.prepare(password, passwordOwner(user));
    if (prepared.kind === 'refused') return prepared.problem;
    await database.transaction(async (em) => {
      await prepared.save(em, userId);
      await accessRevocation.revoke(em, 'password set in a sign-in', userId, by, { keep: { interaction } });
      await pending.changeChoice(interaction, userId, 'password', em);
      await record(em);
    });
    return null;
  }
}
