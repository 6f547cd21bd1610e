import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

export const userPasswordResetRequested = eventType({
  name: 'user.password_reset_requested',
  text: 'A new password was asked for by mail.',
  details: z.strictObject({ answer: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  webhook: false,
});
