import { z } from 'zod';
import { LONGEST_TYPED_CODE } from '#credentials/module.ts';
import { form } from '#kernel/http/form.ts';

export const codeForm = form(
  z.object({
    code: z.string().max(LONGEST_TYPED_CODE, 'wrong').default(''),
    remember: z.string().max(8).optional(),
  }),
);

/** A form with a button only. */
export const pressForm = form(z.object({ remember: z.string().max(8).optional() }));
