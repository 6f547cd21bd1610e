import { z } from 'zod';

export const apiPolicy = z.strictObject({
  explorer: z.enum(['on', 'off']).default('on'),
});
