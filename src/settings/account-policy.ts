import { z } from 'zod';

export const accountPolicy = z.strictObject({
  /** Days between a user's wish to close their account and its end, in which signing in keeps it; 0 for none. */
  deletionDays: z.number().int().min(0).max(90).default(14),
});
