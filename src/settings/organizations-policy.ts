import { z } from 'zod';

export const organizationsPolicy = z.strictObject({
  creation: z.enum(['off', 'permitted', 'anyone']).default('permitted'),
  createdPerUser: z.number().int().min(1).max(10_000).default(10),
  closingDays: z.number().int().min(0).max(365).default(30),
});
