import { readLetters } from '#directory/users/typed/text.ts';

/** Digits of the codes that we send and of most authenticator apps. */
const CODE_DIGITS = 6;

type CodeForm = { isValid: true; values: { code: string } } | { isValid: false };

/**
 * The code of a form, for its service to check; or what the page says at once, because it is no try: nothing was typed, or fewer digits or
 * letters than the code has.
 */
export function triedCode(
  form: CodeForm,
  length = CODE_DIGITS,
): { code: string } | { lack: 'required' | 'incomplete' | 'wrong' } {
  if (!form.isValid) return { lack: 'wrong' };
  const { code } = form.values;
  const typed = readLetters(code);
  if (typed.length >= length) return { code };
  return { lack: typed === '' ? 'required' : 'incomplete' };
}
