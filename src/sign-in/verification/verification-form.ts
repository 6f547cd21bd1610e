import { z } from 'zod';
import { form } from '#kernel/http/form.ts';

/** White space that came along when the code was copied does not count. */
export const codeForm = form(z.object({ code: z.string().trim().min(1, 'required').max(64, 'wrong') }));

/** A button that needs nothing else. */
export const buttonForm = form(z.object({ action: z.string().max(16).optional() }));
