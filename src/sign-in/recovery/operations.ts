import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { rightsMissing, userNotFound } from '#directory/users/errors.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import { noAddress, signsInElsewhere, tooManyMails, userDisabled } from './errors.ts';
import { userPasswordResetRequested } from './events.ts';
import type { RecoveryService } from './recovery-service.ts';

type Services = { recovery: Pick<RecoveryService, 'sendByOperator'> };

const sendReset = operation({
  name: 'users.password.send_reset',
  permission: 'users.manage',
  params: { user_id: idSchema('usr') },
  output: z.strictObject({ id: z.string(), email: z.string(), expires_at: timeSchema }),
  errors: [userNotFound, rightsMissing, noAddress, userDisabled, signsInElsewhere, tooManyMails],
  event: userPasswordResetRequested,
  description:
    'Mail a user a link that sets a new password, or the first one. It goes to the primary email address and works once, for half an hour; links that were mailed before end.',
  command: { words: 'user send-reset' },
  run: async ({ user_id: id }, by: By, { recovery }: Services) => {
    const { email, expiresAt } = await recovery.sendByOperator(id, by);
    return { id, email, expires_at: expiresAt.toISOString() };
  },
});

export const recoveryOperations = [sendReset];
