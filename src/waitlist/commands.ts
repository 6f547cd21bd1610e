import { commandInput } from '#kernel/control.ts';
import { z } from 'zod';
import { operator } from '#audit/module.ts';
import { notOnWaitlist, waitlistInvalid } from './errors.ts';
import type { WaitlistService } from './waitlist-service.ts';

/** Entries in one answer of a command. */
const MOST_LISTED = 1000;
const listInput = z.object({ limit: z.number().int().min(1).max(MOST_LISTED).default(200) });
const inviteInput = z.object({
  emails: z.array(z.string()).max(MOST_LISTED).default([]),
  first: z.number().int().min(1).max(MOST_LISTED).optional(),
});

/** `latchkey waitlist …` */
export function waitlistCommands(waitlist: WaitlistService) {
  return {
    async 'waitlist.list'(input: unknown) {
      const { limit } = commandInput(listInput, input, () => waitlistInvalid(`Ask for 1 to ${MOST_LISTED}.`));
      const entries = await waitlist.list(limit);
      return {
        entries: entries.map(({ email, name, language, joinedAt, invitedAt }) => ({
          email,
          name,
          language,
          joined_at: joinedAt.toISOString(),
          ...(invitedAt === null || invitedAt === undefined ? {} : { invited_at: invitedAt.toISOString() }),
        })),
      };
    },
    async 'waitlist.invite'(input: unknown) {
      const { emails, first } = commandInput(inviteInput, input, () =>
        waitlistInvalid(`Name up to ${MOST_LISTED} addresses, or --first with a number.`),
      );
      if (emails.length > 0 === (first !== undefined))
        throw waitlistInvalid('Name addresses, or say --first with a number.');
      return first === undefined ? waitlist.inviteThese(emails, operator) : waitlist.inviteFirst(first, operator);
    },
    async 'waitlist.remove'({ email }: { email: string }) {
      if (!(await waitlist.remove(email, operator))) throw notOnWaitlist(email);
      return { email, removed: true };
    },
  };
}
