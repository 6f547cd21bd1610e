import { z } from 'zod';
import { LONGEST_TYPED_CODE } from '#credentials/module.ts';
import { form } from '#kernel/http/form.ts';
import { newEmailField, profileSchema } from '#directory/users/module.ts';

export const joinForm = form(
  z.object({
    name: z
      .string()
      .max(512, 'too_long')
      .default('')
      .transform((typed, context) => {
        const parsed = profileSchema.shape.name.safeParse(typed);
        if (parsed.success && parsed.data) return parsed.data;
        context.addIssue({ code: 'custom', message: parsed.success ? 'required' : 'too_long' });
        return z.NEVER;
      }),
    email: newEmailField,
    work: z.string().max(2048).optional(),
  }),
);

/** `action=resend` for another mail. */
export const codeForm = form(
  z.object({ code: z.string().max(LONGEST_TYPED_CODE).default(''), action: z.string().max(16).default('') }),
);

export const buttonForm = form(z.object({ action: z.string().max(16).default('') }));
