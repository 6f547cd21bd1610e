/** Passwords and locks of users, as operators manage them. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { rightsMissing, userNotFound } from '#directory/users/errors.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import { hashingBusy, passwordErrors } from '../errors.ts';
import { userPasswordChanged, userUnlocked } from '../events.ts';
import type { PasswordAdministration } from './password-administration.ts';

type Services = { passwordAdministration: PasswordAdministration };

const params = { user_id: idSchema('usr') };

const setTemporaryPassword = operation({
  name: 'users.password.set_temporary',
  permission: 'users.manage',
  params,
  output: z.strictObject({
    id: z.string(),
    password: z.string().describe('Shown once; the next sign-in with it sets another one'),
  }),
  errors: [userNotFound, rightsMissing, hashingBusy, ...Object.values(passwordErrors)],
  event: userPasswordChanged,
  description:
    'Give a user a random password, which is shown once and which the next sign-in replaces. All sessions and tokens end, and the user is told by mail. Prefer users.password.send_reset where the mailbox is still the one of the user.',
  command: { words: 'user set-temporary-password' },
  run: async ({ user_id: id }, by: By, { passwordAdministration }: Services) => ({
    id,
    password: await passwordAdministration.setTemporary(id, by),
  }),
});

const unlockUser = operation({
  name: 'users.unlock',
  permission: 'users.manage',
  params,
  output: z.strictObject({
    id: z.string(),
    released: z.array(
      z.strictObject({
        what: z.enum(['password', 'second_factor', 'second_factor_in_known_browsers']),
        failures: z.int().describe('Wrong tries in a row'),
        locked: z.boolean().describe('Whether no try was allowed'),
        locked_until: timeSchema.nullable().describe('When a try would have been allowed; null for never'),
      }),
    ),
  }),
  errors: [userNotFound, rightsMissing],
  event: userUnlocked,
  description:
    'Let a user try again whose wrong passwords or codes are used up, and say what was locked. Wrong passwords in a browser that the user signed in with before are counted by themselves, and wait for their own end.',
  run: async ({ user_id: id }, by: By, { passwordAdministration }: Services) => {
    const released = await passwordAdministration.unlock(id, by);
    return {
      id,
      released: released.map(({ what, failures, isHeld, until }) => ({
        what,
        failures,
        locked: isHeld,
        locked_until: until?.toISOString() ?? null,
      })),
    };
  },
});

export const passwordOperations = [setTemporaryPassword, unlockUser];
