import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import { rightsMissing } from '#directory/users/errors.ts';
import { userNotFound } from './errors.ts';
import type { ResetService } from './reset-service.ts';
import { userMfaReset } from '#credentials/events.ts';

type Services = { resets: Pick<ResetService, 'reset'> };

const resetSecondFactors = operation({
  name: 'users.reset_mfa',
  permission: 'users.manage',
  params: { user_id: idSchema('usr') },
  input: z.strictObject({
    reason: z.string().trim().min(4).max(500).describe('Reason, for the audit log and for the user'),
  }),
  output: z.strictObject({ id: z.string(), reset: z.literal(true) }),
  errors: [userNotFound, rightsMissing],
  event: userMfaReset,
  description: 'Remove all second factors of a user who lost them, and end all sessions and tokens.',
  example: { reason: 'Lost the phone, identity checked by telephone' },
  run: async ({ user_id: id, reason }, by: By, { resets }: Services) => {
    await resets.reset(id, reason, by);
    return { id, reset: true as const };
  },
});

export const mfaOperations = [resetSecondFactors];
