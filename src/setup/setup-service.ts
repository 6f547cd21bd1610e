import type { By } from '#audit/module.ts';
import type {
  AboutUser,
  FieldRules,
  NewPasswordProblem,
  PasswordProblem,
  PasswordService,
} from '#credentials/module.ts';
import { AppError } from '#kernel/errors.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { instance } from '#settings/module.ts';
import type { RoleHolders, UserService } from '#directory/users/module.ts';
import type { AdminLinks } from './admin-link.ts';

export type SetupDependencies = {
  database: Database;
  users: Pick<UserService, 'create'>;
  roleHolders: Pick<RoleHolders, 'exist'>;
  passwords: Pick<PasswordService, 'prepare' | 'rules' | 'weakness'>;
  links: AdminLinks;
};

type SetupOutcome =
  | { kind: 'done' }
  | { kind: 'expired' }
  | { kind: 'weak'; problem: PasswordProblem }
  | { kind: 'refused'; field: 'email' | 'name'; reason: 'taken' | 'email' | 'too_long' };

/** One at a time on all nodes, so that two links cannot make two first administrators. */
const FIRST_ADMINISTRATOR_LOCK = 7_809_642_057;

/** Creates one-time links for the first administrator, and the administrator from such a link. */
export class SetupService {
  readonly #deps: SetupDependencies;

  constructor(dependencies: SetupDependencies) {
    this.#deps = dependencies;
  }

  /** The path of a fresh one-time link; null once there is an administrator. */
  async openLink(): Promise<string | null> {
    if (await this.#isDone(this.#deps.database.em())) return null;
    return `/setup/${await this.#deps.links.create()}`;
  }

  async isUsable(secret: string): Promise<boolean> {
    return (await this.#deps.links.isUsable(secret)) && !(await this.#isDone(this.#deps.database.em()));
  }

  get rules(): FieldRules {
    return this.#deps.passwords.rules(instance);
  }

  /** The problem of the password in a form that is refused for another reason, too. */
  async passwordProblem(password: string, about: AboutUser): Promise<NewPasswordProblem | null> {
    return password === '' ? { kind: 'required' } : this.#deps.passwords.weakness(password, about);
  }

  /** Makes the administrator. A refused address or password leaves the link as it was. */
  async createAdministrator(
    secret: string,
    { email, name, password }: { email: string; name: string; password: string },
    by: By,
  ): Promise<SetupOutcome> {
    const { database, users, passwords, links } = this.#deps;
    const prepared = await passwords.prepare(password, { userId: null, email, name });
    if (prepared.kind === 'refused') return { kind: 'weak', problem: prepared.problem };
    try {
      return await database.transaction(async (em) => {
        await em.execute('select pg_advisory_xact_lock(?)', [FIRST_ADMINISTRATOR_LOCK]);
        if (!(await links.consume(em, secret)) || (await this.#isDone(em))) return { kind: 'expired' };
        // The holder of the link runs the server: the address needs no other proof.
        const user = await users.create(
          em,
          { email, emailVerified: true, profile: name === '' ? {} : { name }, roles: ['administrator'] },
          by,
        );
        await prepared.save(em, user.id);
        return { kind: 'done' };
      });
    } catch (error) {
      const refused = error instanceof AppError ? refusalOf(error) : null;
      if (refused === null) throw error;
      return refused;
    }
  }

  async #isDone(em: EntityManager): Promise<boolean> {
    return this.#deps.roleHolders.exist(em, 'administrator');
  }
}

function refusalOf({ code }: AppError): SetupOutcome | null {
  if (code === 'users.email_taken') return { kind: 'refused', field: 'email', reason: 'taken' };
  if (code === 'users.email_invalid') return { kind: 'refused', field: 'email', reason: 'email' };
  return code === 'users.profile_invalid' ? { kind: 'refused', field: 'name', reason: 'too_long' } : null;
}
