import { maskMailAddress } from '#kernel/mail/address.ts';
import { isPhoneNumber, maskPhoneNumber } from '#kernel/sms/number.ts';
import type { User } from '#directory/users/module.ts';

/** Enough for its owner to know it, too little for a user who only knows the password. */
export const maskedAddress = (address: string): string =>
  isPhoneNumber(address) ? maskPhoneNumber(address) : maskMailAddress(address);

/** The number to which codes may go; null where the user has proved none. */
export const provenNumber = ({ phoneNumber, phoneNumberVerified }: User): string | null =>
  phoneNumberVerified ? (phoneNumber ?? null) : null;
