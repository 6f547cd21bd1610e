import { z } from 'zod';
import { LONGEST_TYPED_CODE } from '#credentials/module.ts';
import { form } from '#kernel/http/form.ts';
import { newEmailField } from '#directory/users/module.ts';
import type { SignedInPerson } from '#oidc/sessions/module.ts';
import type { Asker } from '#directory/contacts/module.ts';

export const emailForm = form(
  z.object({
    email: newEmailField,
  }),
);

export const phoneForm = form(z.object({ phone: z.string().trim().min(1, 'required').max(256, 'phone') }));

/** One of those in the list: its id, or `first`. */
export const chosenForm = form(z.object({ contact: z.string().max(64) }));

/** A code that was typed, or the button of a page that a link opened. */
export const proofForm = form(
  z.object({
    action: z.string().max(16).default(''),
    code: z.string().max(LONGEST_TYPED_CODE, 'wrong').default(''),
  }),
);

/**
 * The browser in which a signed-in user asks for a code, by its cookie: that stays when they prove again who they are, which a
 * session need not. The account's own rates do not count for what is to be proved here.
 */
export const askingBrowser = (
  deviceSecret: string | undefined,
  { sessionId }: Pick<SignedInPerson, 'sessionId'>,
): Asker['browser'] => ({ holds: deviceSecret ?? sessionId, deviceSecret: undefined });
