import { errorType } from '#kernel/errors.ts';
import { MOST_CONTACTS } from '#directory/users/limits.ts';

export const emailNotFound = errorType({
  code: 'contacts.email_not_found',
  status: 404,
  message: 'The user has no such email address. user emails shows the email addresses of a user.',
});
export const phoneNumberNotFound = errorType({
  code: 'contacts.phone_number_not_found',
  status: 404,
  message: 'The user has no such phone number. user phone-numbers shows the phone numbers of a user.',
});
export const contactExists = errorType({
  code: 'contacts.exists',
  status: 409,
  message: 'The user has it already, and it is verified.',
});
export const tooManyContacts = errorType({
  code: 'contacts.too_many',
  status: 409,
  message: `A user has at most ${MOST_CONTACTS} of them. Remove one first.`,
});
export const contactUnverified = errorType({
  code: 'contacts.not_verified',
  status: 409,
  message: 'Only a verified one can be primary. Have the user verify it, or say that it is verified.',
});
export const contactVerified = errorType({
  code: 'contacts.verified',
  status: 409,
  message: 'This email address is verified already.',
});
export const primaryEmailStays = errorType({
  code: 'contacts.primary_email',
  status: 409,
  message: 'The primary email address can only be replaced. Make another one primary first.',
});
export const primaryPhoneNumberStays = errorType({
  code: 'contacts.primary_phone_number',
  status: 409,
  message: 'Another verified phone number can take the place of the primary one. Make it primary first.',
});
export const mailsLimited = errorType({
  code: 'contacts.too_many_mails',
  status: 429,
  message: 'This address received too many mails lately. Try again later.',
});
