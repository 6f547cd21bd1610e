import { z } from 'zod';

export const usersPolicy = z.strictObject({
  username: z.enum(['off', 'optional', 'required']).default('off'),
  email: z.enum(['required', 'optional']).default('required'),
  reservedUsernames: z.array(z.string().trim().min(1).max(64)).max(500).default([]),
});
