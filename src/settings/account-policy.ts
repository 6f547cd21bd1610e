import { z } from 'zod';

export const accountPolicy = z.strictObject({
  deletionDays: z.number().int().min(0).max(90).default(14),
});
