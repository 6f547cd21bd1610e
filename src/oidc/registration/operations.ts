import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { HOUR, SECOND } from '#kernel/clock.ts';
import { operation } from '#kernel/operations/operation.ts';
import { timeSchema } from '#kernel/operations/schemas.ts';
import { registrationTokenInvalid } from '../errors.ts';
import { LONGEST_INITIAL_TOKEN } from '../limits.ts';
import type { InitialTokens } from './initial-tokens.ts';
import { registrationTokenCreated } from '../events.ts';

type Services = { initialTokens: Pick<InitialTokens, 'issue'> };

const createRegistrationToken = operation({
  name: 'registration_tokens.create',
  permission: 'clients.manage',
  input: z.strictObject({
    expires_in_seconds: z
      .int()
      .min(60)
      .max(LONGEST_INITIAL_TOKEN)
      .default(HOUR / SECOND)
      .describe('Lifetime in seconds'),
  }),
  output: z.strictObject({ initial_access_token: z.string(), expires_at: timeSchema }),
  errors: [registrationTokenInvalid],
  event: registrationTokenCreated,
  description: 'Create an initial access token for dynamic client registration (RFC 7591). It is shown once.',
  example: { expires_in_seconds: 3600 },
  run: async ({ expires_in_seconds: seconds }, by: By, { initialTokens }: Services) => {
    const { token, expiresAt } = await initialTokens.issue(seconds, by);
    return { initial_access_token: token, expires_at: expiresAt.toISOString() };
  },
});

export const registrationTokenOperations = [createRegistrationToken];
