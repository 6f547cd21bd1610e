import { z } from 'zod';

export const organizationsPolicy = z.strictObject({
  /**
   * Users who may create an organization, which they then own. `off`: none, only operators and programs. `permitted`: users with
   * this right (`latchkey user allow-organizations`). `anyone`: all.
   */
  creation: z.enum(['off', 'permitted', 'anyone']).default('permitted'),
  /** Organizations that one user may have created at most, closed ones not counted. */
  createdPerUser: z.number().int().min(1).max(10_000).default(10),
  /** Days between the wish to close an organization and its end, in which an owner may call it off; 0 for none. */
  closingDays: z.number().int().min(0).max(365).default(30),
});
