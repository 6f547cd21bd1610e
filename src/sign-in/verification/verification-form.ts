import { z } from 'zod';
import { LONGEST_TYPED_CODE } from '#credentials/module.ts';
import { form } from '#kernel/http/form.ts';

export const codeForm = form(z.object({ code: z.string().max(LONGEST_TYPED_CODE, 'wrong').default('') }));

/** A button that needs nothing else. */
export const buttonForm = form(z.object({ action: z.string().max(16).optional() }));
