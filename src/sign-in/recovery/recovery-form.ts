import { z } from 'zod';
import { LONGEST_PASSWORD_FIELD } from '#credentials/module.ts';
import { form } from '#kernel/http/form.ts';
import { identifierField, type Usernames } from '#directory/users/module.ts';

/** An email address, or a username where users have them. */
export const forgotForm = (usernames: Usernames['use']) =>
  form(
    z.object({
      email: identifierField(usernames),
      work: z.string().max(2048).optional(),
      action: z.string().max(16).optional(),
    }),
  );

/** Longer than any password that can be set, so that a long one gets its own clear answer. */
export const newPasswordForm = form(
  z.object({ password: z.string().min(1, 'required').max(LONGEST_PASSWORD_FIELD, 'too_long') }),
);

/** The error of the form as a kind. */
export const problemOf = ({ password }: { password?: string }) =>
  ({ kind: password === 'too_long' ? 'too_long' : 'required' }) as const;
