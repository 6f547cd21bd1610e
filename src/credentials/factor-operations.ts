/** The passkeys, the authenticator app and the recovery codes of a user. Nothing secret is shown, and none is made here. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { rightsMissing, userNotFound } from '#directory/users/errors.ts';
import type { ManagedUsers, UserId } from '#directory/users/module.ts';
import { listOperation, pageOfAll } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import {
  passkeyOnWire,
  passkeySchema,
  recoveryCodesOnWire,
  recoveryCodesSchema,
  totpOnWire,
  totpSchema,
} from './credential-wire.ts';
import { lastFactor, lastWayIn, passkeyNotFound, recoveryCodesNotFound, totpNotFound } from './errors.ts';
import { userPasskeyRemoved, userPasskeyRenamed, userRecoveryCodesRemoved, userTotpRemoved } from './events.ts';
import { LONGEST_PASSKEY_NAME } from './limits.ts';
import type { PasskeyId } from './passkeys/passkey.ts';
import type { PasskeyService } from './passkeys/passkey-service.ts';
import type { RecoveryCodes } from './recovery-codes/recovery-codes.ts';
import type { TotpService } from './totp/totp-service.ts';

type Services = {
  managed: ManagedUsers;
  passkeys: Pick<PasskeyService, 'list' | 'rename' | 'remove'>;
  totp: Pick<TotpService, 'find' | 'remove'>;
  recoveryCodes: Pick<RecoveryCodes, 'find' | 'remove'>;
};

const ofUser = { user_id: idSchema('usr') };
const passkey = { ...ofUser, passkey_id: idSchema('psk') };

const requirePasskey = async ({ passkeys }: Pick<Services, 'passkeys'>, userId: UserId, id: PasskeyId) => {
  const found = (await passkeys.list(userId)).find((each) => each.id === id);
  if (found === undefined) throw passkeyNotFound();
  return passkeyOnWire(found);
};

const listPasskeys = listOperation({
  name: 'users.passkeys.list',
  permission: 'users.read',
  params: ofUser,
  sorts: ['created_at'],
  items: 'passkeys',
  item: passkeySchema,
  errors: [userNotFound],
  description: 'List the passkeys and security keys of a user.',
  example: { limit: 20 },
  command: { words: 'user passkeys' },
  run: async ({ user_id: userId }, page, _by: By, { managed, passkeys }: Services) => {
    await managed.requireKnown(userId);
    return pageOfAll((await passkeys.list(userId)).map(passkeyOnWire), page, ({ id }) => id);
  },
});

const readPasskey = operation({
  name: 'users.passkeys.read',
  permission: 'users.read',
  params: passkey,
  output: passkeySchema,
  errors: [userNotFound, passkeyNotFound],
  description: 'Show a passkey of a user.',
  command: { words: 'user passkey' },
  run: async ({ user_id: userId, passkey_id: id }, _by: By, services: Services) => {
    await services.managed.requireKnown(userId);
    return requirePasskey(services, userId, id);
  },
});

const renamePasskey = operation({
  name: 'users.passkeys.update',
  permission: 'users.manage',
  params: passkey,
  input: z.strictObject({
    name: z
      .string()
      .trim()
      .min(1)
      .max(LONGEST_PASSKEY_NAME)
      .nullable()
      .describe('Name of the passkey; null takes the name away'),
  }),
  output: passkeySchema,
  errors: [userNotFound, rightsMissing, passkeyNotFound],
  event: userPasskeyRenamed,
  description: 'Change the name of a passkey of a user.',
  example: { name: 'Blue key' },
  command: { words: 'user rename-passkey' },
  run: async ({ user_id: userId, passkey_id: id, name }, by: By, services: Services) => {
    await services.managed.requireChangeable(userId, by);
    if (!(await services.passkeys.rename(userId, id, name ?? '', by))) throw passkeyNotFound();
    return requirePasskey(services, userId, id);
  },
});

const removePasskey = operation({
  name: 'users.passkeys.delete',
  permission: 'users.manage',
  params: passkey,
  output: z.strictObject({ id: z.string(), removed: z.literal(true) }),
  errors: [userNotFound, rightsMissing, passkeyNotFound, lastFactor, lastWayIn],
  event: userPasskeyRemoved,
  description: 'Remove a passkey of a user, and end the trust in all browsers. The last factor that is required stays.',
  command: { words: 'user remove-passkey' },
  run: async ({ user_id: userId, passkey_id: id }, by: By, { managed, passkeys }: Services) => {
    await managed.requireChangeable(userId, by);
    if (!(await passkeys.remove(userId, id, by))) throw passkeyNotFound();
    return { id, removed: true as const };
  },
});

const readTotp = operation({
  name: 'users.totp.read',
  permission: 'users.read',
  params: ofUser,
  output: totpSchema,
  errors: [userNotFound, totpNotFound],
  description: 'Show the authenticator app of a user.',
  command: { words: 'user totp' },
  run: async ({ user_id: userId }, _by: By, { managed, totp }: Services) => {
    await managed.requireKnown(userId);
    const found = await totp.find(userId);
    if (found === null) throw totpNotFound();
    return totpOnWire(found);
  },
});

const removeTotp = operation({
  name: 'users.totp.delete',
  permission: 'users.manage',
  params: ofUser,
  output: z.strictObject({ user_id: z.string(), removed: z.literal(true) }),
  errors: [userNotFound, rightsMissing, totpNotFound, lastFactor],
  event: userTotpRemoved,
  description:
    'Remove the authenticator app of a user, and end the trust in all browsers. The last factor that is required stays.',
  command: { words: 'user remove-totp' },
  run: async ({ user_id: userId }, by: By, { managed, totp }: Services) => {
    await managed.requireChangeable(userId, by);
    if (!(await totp.remove(userId, by))) throw totpNotFound();
    return { user_id: userId, removed: true as const };
  },
});

const readRecoveryCodes = operation({
  name: 'users.recovery_codes.read',
  permission: 'users.read',
  params: ofUser,
  output: recoveryCodesSchema,
  errors: [userNotFound, recoveryCodesNotFound],
  description: 'Show how many recovery codes a user has left. The codes themselves are never shown.',
  command: { words: 'user recovery-codes' },
  run: async ({ user_id: userId }, _by: By, { managed, recoveryCodes }: Services) => {
    await managed.requireKnown(userId);
    const found = await recoveryCodes.find(userId);
    if (found === null) throw recoveryCodesNotFound();
    return recoveryCodesOnWire(found);
  },
});

const removeRecoveryCodes = operation({
  name: 'users.recovery_codes.delete',
  permission: 'users.manage',
  params: ofUser,
  output: z.strictObject({ user_id: z.string(), removed: z.literal(true) }),
  errors: [userNotFound, rightsMissing, recoveryCodesNotFound],
  event: userRecoveryCodesRemoved,
  description: 'Remove the recovery codes of a user, who can make new ones after a sign-in.',
  command: { words: 'user remove-recovery-codes' },
  run: async ({ user_id: userId }, by: By, { managed, recoveryCodes }: Services) => {
    await managed.requireChangeable(userId, by);
    if (!(await recoveryCodes.remove(userId, by))) throw recoveryCodesNotFound();
    return { user_id: userId, removed: true as const };
  },
});

export const factorOperations = [
  listPasskeys,
  readPasskey,
  renamePasskey,
  removePasskey,
  readTotp,
  removeTotp,
  readRecoveryCodes,
  removeRecoveryCodes,
];
