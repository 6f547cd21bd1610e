import { z } from 'zod';
import { LONGEST_PASSWORD_FIELD } from '#credentials/module.ts';
import { form } from '#kernel/http/form.ts';
import { canonicalEmail, emailField } from '#directory/users/module.ts';

export const identifierForm = form(
  z.object({
    email: emailField,
  }),
);

export const passwordForm = form(
  z.object({
    /** Filled for password managers; one of these may enter another user. */
    email: z.string().max(512).optional(),
    password: z.string().min(1, 'required').max(LONGEST_PASSWORD_FIELD, 'wrong'),
    remember: z.string().max(8).optional(),
    work: z.string().max(2048).optional(),
  }),
);

/** Whether the address that came with a password is another one than the password was asked for. */
export function isAnotherEmail(typed: string | undefined, identifier: string): boolean {
  const email = canonicalEmail(typed ?? '');
  return email !== null && email !== canonicalEmail(identifier);
}

/** Of the choice of an account, and of the button that forgets one. */
export const chooserForm = form(z.object({ account: z.string().min(1, 'required').max(64) }));
