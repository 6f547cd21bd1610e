import { isPhoneNumber, maskPhoneNumber } from '#kernel/sms/number.ts';

/** Enough for its owner to know it, too little for whoever only knows the password: `n•••@fernway.example`. */
export function maskedAddress(address: string): string {
  if (isPhoneNumber(address)) return maskPhoneNumber(address);
  const at = address.lastIndexOf('@');
  const [first = ''] = address;
  return `${first}•••${address.slice(Math.max(0, at))}`;
}
