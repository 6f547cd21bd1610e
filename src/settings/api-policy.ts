import { z } from 'zod';

export const apiPolicy = z.strictObject({
  /** The explorer of the management API at `/api/docs`, with its built-in client `latchkey-api-docs`. `off`: neither exists. */
  explorer: z.enum(['on', 'off']).default('on'),
});
