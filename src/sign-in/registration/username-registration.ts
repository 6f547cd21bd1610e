import { AppError } from '#kernel/errors.ts';
import type { Database } from '#kernel/database.ts';
import { type PersonDetails, usernameFieldError } from '#directory/users/module.ts';
import type { Applications, Refusal } from './applications.ts';
import type { NewAccounts, Newcomer } from './new-accounts.ts';

type Wish = PersonDetails & { username: string; password: string; termsVersion: string | null };
/** `username`: why it may not be had, as an error of its field. */
type RegisterOutcome = { kind: 'created' } | { kind: 'username'; error: string } | Refusal;

type UsernameRegistrationDependencies = {
  database: Pick<Database, 'transaction'>;
  applications: Pick<Applications, 'prepare'>;
  accounts: Pick<NewAccounts, 'create'>;
};

/** Creating an account with a username and a password, and no email address: there is nothing to prove, so the account is created at once. */
export class UsernameRegistration {
  readonly #deps: UsernameRegistrationDependencies;

  constructor(dependencies: UsernameRegistrationDependencies) {
    this.#deps = dependencies;
  }

  /** A try counts for its IP address before the username is looked up. */
  async register(uid: string, wish: Wish, newcomer: Newcomer): Promise<RegisterOutcome> {
    const { database, applications, accounts } = this.#deps;
    const prepared = await applications.prepare(
      { ...wish, email: null, method: 'password' as const },
      newcomer.by.visitor?.ip,
    );
    if (prepared.kind !== 'prepared') return prepared;
    try {
      await database.transaction((em) => accounts.create(em, uid, prepared.application, newcomer));
      return { kind: 'created' };
    } catch (error) {
      if (error instanceof AppError) return { kind: 'username', error: usernameFieldError(error) };
      throw error;
    }
  }
}
