import { z } from 'zod';
import { sha256 } from '#kernel/crypto.ts';
import { canonicalEmail, emailField } from './email.ts';
import type { User } from './user.ts';
import { LONGEST_TYPED_EMAIL } from './limits.ts';
import { cleanEmail } from './typed/email-address.ts';
import { withoutHidden } from './typed/text.ts';
import { canonicalUsername } from './username.ts';

/** The form in which what a user typed to sign in is counted and compared: an email address or a username. Null when it is neither. */
export function canonicalIdentifier(typed: string): string | null {
  return canonicalEmail(typed) ?? canonicalUsername(typed);
}

/** A typed text that names a user, cleaned as an email address, or as a username, which keeps the width of its letters until it is compared. */
export function cleanIdentifier(typed: string): string {
  const address = cleanEmail(typed);
  return canonicalEmail(address) === null ? withoutHidden(typed) : address;
}

const anyIdentifier = z
  .string()
  .max(LONGEST_TYPED_EMAIL, 'email')
  .overwrite(cleanIdentifier)
  .min(1, 'required')
  .refine((typed) => canonicalIdentifier(typed) !== null, 'email');

/** The field with which a user is looked up: an email address, or a username where users have them. Its errors are `required` and `email`. */
export const identifierField = (usernames: 'off' | 'optional' | 'required') =>
  usernames === 'off' ? emailField : anyIdentifier;

/** For a mail that is discarded, because there is no such account: the typed address, or for a username an address that none has. */
export function unknownAddress(typed: string): string {
  return canonicalEmail(typed) === null
    ? `${sha256(canonicalIdentifier(typed) ?? typed)
        .toString('hex')
        .slice(0, 32)}@username.invalid`
    : typed.trim();
}

type Named = { email?: string | null | undefined; username?: string | null | undefined };

/** How pages, lists and letters name an account. */
export type ShownAccount = {
  name: string | null;
  /** See `identifierOf`. */
  identifier: string;
};

/** How a user is named where a name is not enough: by the email address, otherwise by the username. Each user has one of them. */
export const identifierOf = ({ email, username }: Named): string => email ?? username ?? '';

/** The name and the identifier of a user, for every page that says whose account it is about. */
export const shownAccount = (user: Named & Pick<User, 'profile'>): ShownAccount => ({
  name: user.profile.name ?? null,
  identifier: identifierOf(user),
});
