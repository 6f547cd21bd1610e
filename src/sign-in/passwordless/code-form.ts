import { z } from 'zod';
import { form } from '#kernel/http/form.ts';

export const codeForm = form(
  z.object({
    code: z.string().trim().min(1, 'required').max(64, 'wrong'),
    remember: z.string().max(8).optional(),
  }),
);

/** A form with a button only. */
export const pressForm = form(z.object({ remember: z.string().max(8).optional() }));
