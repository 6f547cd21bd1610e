import type { By } from '#audit/module.ts';
import type { Database } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Page, PageRequest } from '#kernel/operations/list-operation.ts';
import type {
  PasswordDemands,
  Profile,
  Role,
  RoleHolders,
  User,
  UserId,
  UserList,
  Usernames,
  UserService,
} from '#directory/users/module.ts';
import { userNotFound } from '#directory/users/errors.ts';
import type { ListedUser, UserFilters } from '#directory/users/management/user-list.ts';
import type { userSorts } from '#directory/users/management/user-sorts.ts';
import { noPassword } from './errors.ts';
import { factorOfKey } from './methods.ts';
import type { PasskeyService } from './passkeys/passkey-service.ts';
import type { PasswordService } from './passwords/password-service.ts';
import type { RecoveryCodes } from './recovery-codes/recovery-codes.ts';
import type { SecondFactorOverviews } from './second-factors/second-factor-overview.ts';
import type { TotpService } from './totp/totp-service.ts';

type UserAdministrationDependencies = {
  database: Pick<Database, 'transaction' | 'sql'>;
  users: Pick<UserService, 'create'>;
  list: Pick<UserList, 'page' | 'among'>;
  usernames: Pick<Usernames, 'requireGiven'>;
  roleHolders: Pick<RoleHolders, 'requireGivable'>;
  passwords: Pick<PasswordService, 'accept' | 'has'>;
  passwordDemands: Pick<PasswordDemands, 'demand'>;
  passkeys: Pick<PasskeyService, 'list'>;
  totp: Pick<TotpService, 'find'>;
  recoveryCodes: Pick<RecoveryCodes, 'find'>;
  secondFactorOverviews: Pick<SecondFactorOverviews, 'among'>;
};

export type NewUser = {
  email?: string | undefined;
  username?: string | undefined;
  legacyId?: string | undefined;
  emailVerified?: boolean | undefined;
  phoneNumber?: string | undefined;
  phoneNumberVerified?: boolean | undefined;
  password?: string | undefined;
  administrator?: boolean | undefined;
  profile: Profile;
};

/** A confirmed credential, without anything secret. */
export type ShownCredential = {
  method: string;
  state: string;
  id?: string;
  name?: string | null;
  /** Recovery codes that are left. */
  left?: number;
  createdAt?: Date;
  lastUsedAt?: Date | null;
};

export type WholeUser = { user: User; lastActiveAt: Date | null; credentials: readonly ShownCredential[] };
export type ListedWithFactor = ListedUser & { secondFactor: 'none' | 'usable' | 'unusable' };

type Held = { hasPassword: boolean; hasPasskeys: boolean; hasApp: boolean; hasCodes: boolean };

/** Users together with their credentials, as an operator manages them. */
export class UserAdministration {
  readonly #deps: UserAdministrationDependencies;

  constructor(dependencies: UserAdministrationDependencies) {
    this.#deps = dependencies;
  }

  /** Adds a user, with a password where one is given. Throws users.role_not_held, the errors of users that are invalid, and credentials.password_*. */
  async create(given: NewUser, by: By): Promise<User> {
    const { database, users, usernames, passwords, roleHolders } = this.#deps;
    const { email, username, legacyId, emailVerified, phoneNumber, phoneNumberVerified, ...others } = given;
    const { password, administrator, profile } = others;
    const roles: readonly Role[] = administrator ? ['administrator'] : [];
    roleHolders.requireGivable(roles, by);
    usernames.requireGiven(username);
    const owner = { userId: null, email, username, name: profile.name };
    const save = password === undefined ? null : await passwords.accept(password, owner);
    return database.transaction(async (em) => {
      const user = await users.create(
        em,
        {
          email,
          profile,
          emailVerified: emailVerified ?? false,
          phoneNumberVerified: phoneNumberVerified ?? false,
          roles,
          ...(username === undefined ? {} : { username }),
          ...(legacyId === undefined ? {} : { legacyId }),
          ...(phoneNumber === undefined ? {} : { phoneNumber }),
        },
        by,
      );
      await save?.(em, user.id);
      return user;
    });
  }

  /** Each user with the state of the second factor and the last activity. */
  async page(filters: UserFilters, page: PageRequest<(typeof userSorts)[number]>): Promise<Page<ListedWithFactor>> {
    const { items, ...others } = await this.#deps.list.page(filters, page);
    return { ...others, items: await this.#withFactors(items) };
  }

  /** The same for the users with these UUIDs who exist, in any order. */
  async among(uuids: readonly string[]): Promise<ListedWithFactor[]> {
    return this.#withFactors(await this.#deps.list.among(uuids));
  }

  async #withFactors(listed: readonly ListedUser[]): Promise<ListedWithFactor[]> {
    const states = await this.#deps.secondFactorOverviews.among(listed.map(({ user }) => user.id));
    return listed.map((each) => ({ ...each, secondFactor: states.get(each.user.id) ?? 'none' }));
  }

  /** A user as it is shown alone, with every credential. */
  async find(id: UserId): Promise<WholeUser | null> {
    const [[listed], credentials] = await Promise.all([this.#deps.list.among([toUuid(id)]), this.credentialsOf(id)]);
    return listed ? { ...listed, credentials } : null;
  }

  /** The same. Throws users.not_found. */
  async require(id: UserId): Promise<WholeUser> {
    const found = await this.find(id);
    if (found === null) throw userNotFound();
    return found;
  }

  /** Every credential that the user has confirmed. */
  async credentialsOf(id: UserId): Promise<ShownCredential[]> {
    const { passkeys, totp, recoveryCodes } = this.#deps;
    const held = await this.#held(id);
    const [keys, app, codes] = await Promise.all([
      held.hasPasskeys ? passkeys.list(id) : [],
      held.hasApp ? totp.find(id) : null,
      held.hasCodes ? recoveryCodes.find(id) : null,
    ]);
    return [
      ...(held.hasPassword ? [{ method: 'password', state: 'active' }] : []),
      ...keys.map(({ verifiesUser, state, id, name, authenticator, createdAt, lastUsedAt }) => ({
        method: factorOfKey(verifiesUser),
        state,
        id,
        name: name ?? authenticator,
        createdAt,
        lastUsedAt,
      })),
      ...(app
        ? [{ method: 'totp', state: 'active', name: app.name, createdAt: app.createdAt, lastUsedAt: app.usedAt }]
        : []),
      ...(codes ? [{ method: 'recovery-code', state: 'active', left: codes.left, createdAt: codes.createdAt }] : []),
    ];
  }

  /** Most users have a password alone: one statement tells. */
  async #held(id: UserId): Promise<Held> {
    const [held] = await this.#deps.database.sql<Held>(
      `select exists (select 1 from password_credential where user_id = $1) as "hasPassword",
              exists (select 1 from passkey where user_id = $1) as "hasPasskeys",
              exists (select 1 from totp_credential where user_id = $1) as "hasApp",
              exists (select 1 from recovery_codes where user_id = $1) as "hasCodes"`,
      [toUuid(id)],
    );
    return held!;
  }

  /** The next sign-in of the user, in whatever way, sets a new password. Throws credentials.no_password, users.rights_missing. */
  async requirePassword(id: UserId, by: By): Promise<void> {
    const { passwords, passwordDemands } = this.#deps;
    if (!(await passwords.has(id))) throw noPassword();
    await passwordDemands.demand(id, by);
  }
}
