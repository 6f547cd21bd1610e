import { z } from 'zod';
import { operator } from '#audit/module.ts';
import { commandInput } from '#kernel/control.ts';
import { parseId } from '#kernel/ids.ts';
import type { UserService } from '#users/module.ts';
import { reasonMissing, userNotFound } from './errors.ts';
import { type ResetDependencies, ResetService } from './reset-service.ts';

const resetInput = z.object({ id: z.string(), reason: z.string().trim().min(4).max(500) });

export function mfaCommands({ users, ...dependencies }: ResetDependencies & { users: Pick<UserService, 'findById'> }) {
  const resets = new ResetService(dependencies);
  return {
    async 'user.reset-mfa'(input: unknown) {
      const given = commandInput(resetInput, input, reasonMissing);
      const id = parseId('usr', given.id);
      if (id === null || (await users.findById(id)) === null) throw userNotFound();
      await resets.reset(id, given.reason, operator);
      return { id, reset: true };
    },
  };
}
