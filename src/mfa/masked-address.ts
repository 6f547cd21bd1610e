import { maskMailAddress } from '#kernel/mail/address.ts';
import { isPhoneNumber, maskPhoneNumber } from '#kernel/sms/number.ts';

/** Enough for its owner to know it, too little for a person who only knows the password. */
export const maskedAddress = (address: string): string =>
  isPhoneNumber(address) ? maskPhoneNumber(address) : maskMailAddress(address);
