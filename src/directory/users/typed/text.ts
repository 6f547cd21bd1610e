/** Cleaning that all kinds of typed text need: characters that a paste brings along and users do not see, and other spellings of ASCII. */

const hidden = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;
/** Joiners, which may make another word between letters that are not ASCII, and variation selectors, which choose the form of the letter before. */
const shaping = /[\p{Join_Control}\p{Variation_Selector}]/u;
const shapings = new RegExp(`${shaping.source}+`, 'gu');
const joiner = /\p{Join_Control}/u;
const joinersAtEnd = /\p{Join_Control}+$/u;
const isAscii = (text: string): boolean => /^[\x00-\x7f]?$/.test(text);
const blank = /[\s\u0085\u2800]/;
const seen = /[\p{L}\p{N}\p{P}\p{S}]/u;

/**
 * Without characters that are not seen: marks of direction, zero-width spaces, soft hyphens, variation selectors, tags; and without
 * blanks around it. Joiners between two letters that are not ASCII stay.
 */
export const withoutHidden = (typed: string): string => trimmed(shaped(typed.replace(hidden, onlyIn(joiner))));

/**
 * One line of text for others to read, such as a name: nothing in it that hides or turns round what it says, one space where blanks
 * are, composed (NFC). Empty when nothing in it can be seen.
 */
export function oneLine(typed: string): string {
  const shown = typed
    .replace(hidden, onlyIn(shaping))
    .normalize('NFC')
    .replace(/(?![\s\u0085])\p{Cc}/gu, '')
    .replace(/[\s\p{Z}\u0085\u2800]+/gu, ' ');
  const line = trimmed(shaped(shown)).normalize('NFC');
  return seen.test(line) ? line : '';
}

const onlyIn =
  (kept: RegExp) =>
  (character: string): string =>
    kept.test(character) ? character : '';

/** Joiners and selectors only where they have something to shape. */
function shaped(text: string): string {
  return text.replace(shapings, (run, at: number) => {
    if (isAscii(text.slice(Math.max(0, at - 1), at))) return '';
    const next = text.slice(at + run.length, at + run.length + 1);
    return isAscii(next) ? run.replace(joinersAtEnd, '') : run;
  });
}

function trimmed(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && blank.test(text.charAt(start))) start += 1;
  while (end > start && blank.test(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

/** Full-width letters, digits and marks as ASCII, as keyboards for Chinese, Japanese and Korean write them. */
export const withoutWidth = (text: string): string =>
  text
    .replace(/[\uff01-\uff5e]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
    .replaceAll('\u3000', ' ');

const decimalDigit = /^\p{Nd}$/u;

/** The digits of every script as 0 to 9. */
export const plainDigits = (text: string): string =>
  text.replace(/[^\P{Nd}0-9]/gu, (digit) => String(valueOf(digit.codePointAt(0) ?? 0)));

/** Unicode keeps the ten digits of a script together and in order (§4.6). Some scripts follow each other directly. */
function valueOf(code: number): number {
  let first = code;
  while (decimalDigit.test(String.fromCodePoint(first - 1))) first -= 1;
  return (code - first) % 10;
}

/**
 * The letters and digits of a code that was typed or pasted, in ASCII where they have a form there: without blanks, dashes and marks of
 * any kind, which no code of ours has.
 */
export const readLetters = (typed: string): string =>
  withoutHidden(plainDigits(withoutWidth(typed)))
    .normalize('NFD')
    .replaceAll(/[\p{Z}\p{P}\p{S}\p{M}\p{Cf}\s]/gu, '');
