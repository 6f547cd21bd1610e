import { z } from 'zod';
import { operator } from '#audit/module.ts';
import { commandInput } from '#kernel/control.ts';
import { defaultLanguage, languages, type Language } from '#kernel/i18n.ts';
import { invitationInvalid } from './errors.ts';
import type { InvitationService } from './invitation-service.ts';

const input = z.object({
  email: z.string(),
  administrator: z.boolean().default(false),
  language: z.enum(Object.keys(languages) as [Language, ...Language[]]).default(defaultLanguage),
});

/** `latchkey user invite` */
export function invitationCommands(invitations: Pick<InvitationService, 'invite'>) {
  return {
    async 'user.invite'(given: unknown) {
      const { email, administrator, language } = commandInput(input, given, () =>
        invitationInvalid(String((given as { email?: unknown } | null)?.email ?? '')),
      );
      await invitations.invite({ email, language, roles: administrator ? ['administrator'] : [] }, operator);
      return { email, administrator, invited: true };
    },
  };
}
