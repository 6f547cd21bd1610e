import { z } from 'zod';
import { canonicalNetwork } from '#kernel/http/address.ts';

const network = z
  .string()
  .max(64)
  .transform((text) => canonicalNetwork(text) ?? text)
  .refine((text) => canonicalNetwork(text) !== null, 'must be a network such as 203.0.113.0/24');

export const networkPolicy = z.strictObject({
  /** Networks (CIDR) and addresses from which users may sign in; all where none are given. */
  allowed: z.array(network).min(1).max(200).optional(),
});
