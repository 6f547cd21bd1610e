import { z } from 'zod';
import { operator } from '#audit/module.ts';
import { commandInput } from '#kernel/control.ts';
import { AppError } from '#kernel/errors.ts';
import type { Database } from '#kernel/database.ts';
import { parseId } from '#kernel/ids.ts';
import { type PasswordDemands, profileSchema, type User, type UserId, type UserService } from '#users/module.ts';
import { noPassword } from './errors.ts';
import { factorOfKey } from './methods.ts';
import type { PasskeyService } from './passkeys/passkey-service.ts';
import type { PasswordService } from './password-service.ts';
import type { RecoveryCodes } from './recovery-codes/recovery-codes.ts';
import type { SecondFactorOverviews } from './second-factor-overview.ts';
import type { TotpService } from './totp/totp-service.ts';
import { MOST_LISTED_USERS } from './limits.ts';

const createInput = profileSchema.extend({
  email: z.string(),
  email_verified: z.boolean().optional(),
  phone_number: z.string().optional(),
  phone_number_verified: z.boolean().optional(),
  password: z.string().optional(),
  administrator: z.boolean().optional(),
});

/** A person as the command line and the management API show one. */
function userOnWire(user: User): Record<string, unknown> {
  return {
    id: user.id,
    email: user.email,
    email_verified: user.emailVerified,
    ...(user.phoneNumber ? { phone_number: user.phoneNumber, phone_number_verified: user.phoneNumberVerified } : {}),
    ...user.profile,
    status: user.status,
    administrator: user.roles.includes('administrator'),
    created_at: user.createdAt.toISOString(),
  };
}

type Dependencies = {
  database: Database;
  users: UserService;
  passwords: PasswordService;
  passwordDemands: PasswordDemands;
  passkeys: Pick<PasskeyService, 'list'>;
  totp: Pick<TotpService, 'find'>;
  recoveryCodes: Pick<RecoveryCodes, 'find'>;
  secondFactorOverviews: Pick<SecondFactorOverviews, 'among'>;
};

export function userCommands(dependencies: Dependencies) {
  const { database, users, passwords, passwordDemands, passkeys, totp, recoveryCodes } = dependencies;
  return {
    async 'user.create'(input: unknown) {
      const given = commandInput(
        createInput,
        input,
        (message) => new AppError({ code: 'users.invalid', status: 422, message }),
      );
      const {
        email,
        email_verified: emailVerified,
        phone_number: phoneNumber,
        phone_number_verified: phoneNumberVerified,
        password,
        administrator,
        ...profile
      } = given;
      const save =
        password === undefined ? null : await passwords.accept(password, { userId: null, email, name: profile.name });
      return database.transaction(async (em) => {
        const user = await users.create(
          em,
          {
            email,
            profile,
            emailVerified: emailVerified ?? false,
            phoneNumberVerified: phoneNumberVerified ?? false,
            roles: administrator ? ['administrator'] : [],
            ...(phoneNumber === undefined ? {} : { phoneNumber }),
          },
          operator,
        );
        await save?.(em, user.id);
        return userOnWire(user);
      });
    },
    async 'user.list'({ limit, after }: { limit?: number; after?: string } = {}) {
      const from = after === undefined ? null : parseId('usr', after);
      const found = await users.list({
        limit: Math.min(limit ?? MOST_LISTED_USERS, MOST_LISTED_USERS),
        ...(from ? { after: from } : {}),
      });
      const states = await dependencies.secondFactorOverviews.among(found.map(({ id }) => id));
      return { users: found.map((user) => ({ ...userOnWire(user), second_factor: states.get(user.id) ?? 'none' })) };
    },
    /** One person, with every credential that they have confirmed and its state. */
    async 'user.show'({ id: text }: { id: string }) {
      const id = userIdOf(text);
      const user = await users.findById(id);
      if (user === null) throw noSuchUser();
      const [keys, app, codes, hasPassword] = await Promise.all([
        passkeys.list(id),
        totp.find(id),
        recoveryCodes.find(id),
        passwords.has(id),
      ]);
      return {
        ...userOnWire(user),
        credentials: [
          ...(hasPassword ? [{ method: 'password', state: 'active' }] : []),
          ...keys.map((key) => ({
            method: factorOfKey(key.verifiesUser),
            state: key.state,
            id: key.id,
            name: key.name ?? key.authenticator,
            created_at: key.createdAt.toISOString(),
            last_used_at: key.lastUsedAt?.toISOString() ?? null,
          })),
          ...(app
            ? [
                {
                  method: 'totp',
                  state: 'active',
                  name: app.name,
                  created_at: app.createdAt.toISOString(),
                  last_used_at: app.usedAt?.toISOString() ?? null,
                },
              ]
            : []),
          ...(codes
            ? [
                {
                  method: 'recovery-code',
                  state: 'active',
                  left: codes.left,
                  created_at: codes.createdAt.toISOString(),
                },
              ]
            : []),
        ],
      };
    },
    /** The next sign-in by this person, in whatever way, sets a new password. */
    async 'user.require-password'({ id: text }: { id: string }) {
      const id = userIdOf(text);
      if (!(await passwords.has(id))) throw noPassword();
      await passwordDemands.demand(id, operator);
      return { id, password_update_required: true };
    },
    async 'user.disable'({ id }: { id: string }) {
      return changeStatus(id, 'disabled');
    },
    async 'user.enable'({ id }: { id: string }) {
      return changeStatus(id, 'active');
    },
  };

  async function changeStatus(text: string, status: 'active' | 'disabled') {
    const id = userIdOf(text);
    await users.changeStatus(id, status, operator);
    return { id, status };
  }
}

function userIdOf(text: string): UserId {
  const id = parseId('usr', text);
  if (id) return id;
  throw noSuchUser();
}

const noSuchUser = () =>
  new AppError({
    code: 'users.not_found',
    status: 404,
    message: 'There is no such user. Ids look like usr_01h455vb4pex5vsknk084sn02q.',
  });
