import { z } from 'zod';
import { LONGEST_PASSWORD_FIELD, LONGEST_TYPED_CODE } from '#credentials/module.ts';
import { form } from '#kernel/http/form.ts';
import { canonicalEmail, fieldShape, newEmailField, type PersonField } from '#directory/users/module.ts';
import type { Method } from './pending-registration.ts';

export type Asked = {
  fields: readonly PersonField[];
  /** The credential of the primary button, and the other buttons. */
  method: Method;
  otherMethods: readonly Method[];
  isInvited: boolean;
  /** Null when every address will do. */
  domains: readonly string[] | null;
  asksForTerms: boolean;
};

const secretShape = {
  // More than any password that can be set, so that a long one gets its own clear answer.
  password: z.string().max(LONGEST_PASSWORD_FIELD, 'too_long').default(''),
  work: z.string().max(2048).optional(),
};
const termsShape = (asksForTerms: boolean) => (asksForTerms ? z.string('required').max(8) : z.string().optional());

/** A new address, of one of the allowed domains. */
const emailOf = (domains: Asked['domains']) =>
  newEmailField.refine(
    (email) => domains === null || domains.includes(canonicalEmail(email)?.split('@')[1] ?? ''),
    'domain',
  );

/** Another address for a registration that waits. */
export const addressForm = (domains: Asked['domains']) =>
  form(z.object({ email: emailOf(domains), work: secretShape.work }));

/** The registration form for the fields, the method and the allowed domains. */
export function createForm({ fields, method, otherMethods, isInvited, domains, asksForTerms }: Asked) {
  const email = emailOf(domains);
  return form(
    z.object({
      ...fieldShape(fields),
      email: isInvited ? z.string().default('') : email,
      ...secretShape,
      terms: termsShape(asksForTerms),
      method: z
        .enum([method, ...otherMethods])
        .catch(method)
        .default(method),
    }),
  );
}

/** The registration form without an email address: a username among the fields, and a password. */
export const usernameForm = (fields: readonly PersonField[], asksForTerms: boolean) =>
  form(z.object({ ...fieldShape(fields), ...secretShape, terms: termsShape(asksForTerms) }));

/** `action=resend` for another mail. The code may come with the blanks that the mail shows. */
export const checkForm = form(
  z.object({ code: z.string().max(LONGEST_TYPED_CODE).default(''), action: z.string().max(16).default('') }),
);

export const buttonForm = form(z.object({ action: z.string().max(16).default('') }));
