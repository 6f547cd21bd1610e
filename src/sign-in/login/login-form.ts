import { z } from 'zod';
import { LONGEST_PASSWORD_FIELD } from '#credentials/module.ts';
import { form } from '#kernel/http/form.ts';
import {
  canonicalEmail,
  canonicalIdentifier,
  cleanIdentifier,
  identifierField,
  type Usernames,
} from '#directory/users/module.ts';

/** An email address, or a username where users have them. */
export const identifierForm = (usernames: Usernames['use']) =>
  form(
    z.object({
      email: identifierField(usernames),
      /** Of a field that users do not see: password managers fill it, and some look for an address only where one is. */
      filled_password: z.string().max(LONGEST_PASSWORD_FIELD).catch('').default(''),
      remember: z.string().max(8).optional(),
    }),
  );

export const passwordForm = form(
  z.object({
    /** Filled for password managers; one of these may enter another user. */
    email: z.string().overwrite(cleanIdentifier).max(512).optional(),
    password: z.string().min(1, 'required').max(LONGEST_PASSWORD_FIELD, 'wrong'),
    remember: z.string().max(8).optional(),
    work: z.string().max(2048).optional(),
  }),
);

/** Whether the address or username that came with a password is another one than the password was asked for. */
export function isAnotherUser(typed: string | undefined, identifier: string, usernames: Usernames['use']): boolean {
  const canonical = usernames === 'off' ? canonicalEmail : canonicalIdentifier;
  const other = canonical(typed ?? '');
  return other !== null && other !== canonical(identifier);
}

/** A form with a button only. */
export const pressForm = form(z.object({ action: z.string().max(16).optional() }));

/** Of the choice of an account, and of the button that forgets one. */
export const chooserForm = form(z.object({ account: z.string().min(1, 'required').max(64) }));
