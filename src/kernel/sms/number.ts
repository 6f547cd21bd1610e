/** E.164, as mails and the phone_number claim have it: `+12025550123`. */
const e164 = /^\+[1-9]\d{6,14}$/;

/** A stored number, which is E.164 already. */
export const isPhoneNumber = (text: string): boolean => e164.test(text);

/** `+49 •••• •820`: enough to recognize the own number, too little to call it. */
export function maskPhoneNumber(number: string): string {
  return `${number.slice(0, 3)} ••••• ${number.slice(-3)}`;
}
