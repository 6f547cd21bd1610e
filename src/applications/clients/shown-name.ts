import { LONGEST_SHOWN_NAME } from './limits.ts';

/** Control and bidi characters, line separators, halves of characters, and what is drawn as nothing at all. */
const hidden =
  /(?![\u200c\u200d\p{Variation_Selector}])[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffc]/u;
/** Joiners and variants have a meaning in Persian, Indic and Chinese writing and in emoji; elsewhere they make two names of one. */
const idleJoiner =
  /(?<![\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}])[\u200c\u200d]|[\p{sc=Latin}\p{sc=Greek}\p{sc=Cyrillic}][\u200c\u200d\p{Variation_Selector}]/u;
/** More marks on one letter than any language has would be drawn over other lines. */
const towers = /\p{M}{5,}/u;
/** Letters that look the same, in one word: `Аcme` with a Cyrillic А. */
const lookAlikes = /\p{sc=Latin}\p{M}*[\p{sc=Cyrillic}\p{sc=Greek}]|[\p{sc=Cyrillic}\p{sc=Greek}]\p{M}*\p{sc=Latin}/u;

/** Why a name may not be shown to users; null when it may. In words that complete "client_name ...". */
export function objectionToName(name: string): string | null {
  if (name.trim() === '' || [...name].length > LONGEST_SHOWN_NAME)
    return `must have 1 to ${LONGEST_SHOWN_NAME} characters`;
  return objectionToShownText(name);
}

/** The same for the text after a name, such as the description of a scope. */
export function objectionToShownText(text: string): string | null {
  if (hidden.test(text) || idleJoiner.test(text)) return 'must have no control characters and none that cannot be seen';
  return towers.test(text) ? 'must not pile up marks on a letter' : null;
}

/** The same for an unreviewed name: software that registers itself. */
export function objectionToStrangersName(name: string): string | null {
  return objectionToName(name) ?? (lookAlikes.test(name) ? 'must not mix alphabets within a word' : null);
}
