import { z } from 'zod';
import { form } from '#kernel/http/form.ts';
import { emailField } from '#users/module.ts';

/** More than any password that can be set, so that a long one gets its own clear answer. */
const LONGEST_PASSWORD = 4096;

export const identifierForm = form(
  z.object({
    email: emailField,
  }),
);

export const passwordForm = form(
  z.object({
    /** Filled for password managers; one of these may put somebody else there. */
    email: z.string().max(512).optional(),
    password: z.string().min(1, 'required').max(LONGEST_PASSWORD, 'wrong'),
    remember: z.string().max(8).optional(),
    work: z.string().max(2048).optional(),
  }),
);

export const chooserForm = form(z.object({ account: z.string().min(1, 'required').max(64) }));
