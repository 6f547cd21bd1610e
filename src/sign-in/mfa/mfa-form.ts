import { z } from 'zod';
import { LONGEST_TYPED_CODE } from '#credentials/module.ts';
import { form } from '#kernel/http/form.ts';

export const codeForm = form(
  z.object({
    code: z.string().max(LONGEST_TYPED_CODE, 'wrong').default(''),
    remember: z.string().max(8).optional(),
  }),
);

/** A page that may also be left without an answer. */
export const enrolTotpForm = form(
  z.object({
    code: z.string().max(LONGEST_TYPED_CODE, 'wrong').default(''),
    action: z.string().max(16).optional(),
  }),
);

export const methodForm = form(
  z.object({ method: z.string().max(16).optional(), action: z.string().max(16).optional() }),
);

export const savedForm = form(z.object({ saved: z.string().min(1, 'required').max(8) }));

/** A form that only its button is read of. */
export const sendForm = form(z.object({ action: z.string().max(16).optional() }));
