import { readLetters } from '#directory/users/typed/text.ts';

/** Digits of the codes that we send and of most authenticator apps. */
const CODE_DIGITS = 6;

type CodeForm = { isValid: true; values: { code: string } } | { isValid: false };

/** How many characters a code has, and which. */
export type CodeShape = { length: number; of: RegExp };
/** A code of so many digits. */
export const digitCode = (length: number): CodeShape => ({ length, of: /^\d+$/ });

/**
 * The code of a form, for its service to check; or what the page says at once, because it is no try: nothing was typed, or a part of a
 * code. Anything else is a try, and wrong.
 */
export function triedCode(
  form: CodeForm,
  shape: CodeShape = digitCode(CODE_DIGITS),
): { code: string } | { lack: 'required' | 'incomplete' | 'wrong' } {
  if (!form.isValid) return { lack: 'wrong' };
  const { code } = form.values;
  const typed = readLetters(code);
  if (typed === '') return { lack: 'required' };
  return typed.length < shape.length && shape.of.test(typed) ? { lack: 'incomplete' } : { code };
}
