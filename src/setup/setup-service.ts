import type { Visitor } from '#audit/module.ts';
import type { PasswordService } from '#credentials/module.ts';
import { AppError } from '#kernel/errors.ts';
import type { Database } from '#kernel/database.ts';
import type { UserService } from '#users/module.ts';
import type { AdminLinks } from './admin-link.ts';

export type SetupDependencies = {
  database: Database;
  users: Pick<UserService, 'create' | 'hasAdministrator'>;
  passwords: Pick<PasswordService, 'set'>;
  links: AdminLinks;
};

export type SetupOutcome =
  | { kind: 'done' }
  | { kind: 'expired' }
  | {
      kind: 'refused';
      field: 'email' | 'password' | 'name';
      reason: string;
      details: Readonly<Record<string, unknown>>;
    };

/** One at a time on all nodes, so that two links cannot make two first administrators. */
const FIRST_ADMINISTRATOR_LOCK = 7_809_642_057;

export class SetupService {
  readonly #deps: SetupDependencies;

  constructor(dependencies: SetupDependencies) {
    this.#deps = dependencies;
  }

  /** The path of a fresh one-time link; null once there is an administrator. */
  async openLink(): Promise<string | null> {
    if (await this.#deps.users.hasAdministrator(this.#deps.database.em())) return null;
    return `/setup/${await this.#deps.links.create()}`;
  }

  async isUsable(secret: string): Promise<boolean> {
    return (
      (await this.#deps.links.isUsable(secret)) && !(await this.#deps.users.hasAdministrator(this.#deps.database.em()))
    );
  }

  /** Makes the administrator. A refused address or password leaves the link as it was. */
  async createAdministrator(
    secret: string,
    { email, name, password }: { email: string; name: string; password: string },
    visitor: Visitor,
  ): Promise<SetupOutcome> {
    const { database, users, passwords, links } = this.#deps;
    try {
      return await database.transaction(async (em) => {
        await em.execute('select pg_advisory_xact_lock(?)', [FIRST_ADMINISTRATOR_LOCK]);
        if (!(await links.consume(em, secret)) || (await users.hasAdministrator(em))) return { kind: 'expired' };
        // Whoever holds the link runs the server: the address needs no other proof.
        const user = await users.create(
          em,
          { email, emailVerified: true, profile: name === '' ? {} : { name }, isAdministrator: true },
          { actor: { type: 'operator' }, visitor },
        );
        await passwords.set(em, user, password);
        return { kind: 'done' };
      });
    } catch (error) {
      const refused = error instanceof AppError ? refusalOf(error) : null;
      if (refused === null) throw error;
      return refused;
    }
  }
}

function refusalOf(error: AppError): SetupOutcome | null {
  const details = error.details ?? {};
  if (error.code.startsWith('credentials.password_'))
    return { kind: 'refused', field: 'password', reason: String(details['reason']), details };
  if (error.code === 'users.email_taken' || error.code === 'users.email_invalid')
    return { kind: 'refused', field: 'email', reason: error.code.slice('users.'.length), details };
  return error.code === 'users.profile_invalid' ? { kind: 'refused', field: 'name', reason: 'invalid', details } : null;
}
