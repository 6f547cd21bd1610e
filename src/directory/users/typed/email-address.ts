import { z } from 'zod';
import { readMailAddress } from '#kernel/mail/address.ts';
import { LONGEST_TYPED_EMAIL } from '../limits.ts';
import { withoutHidden, withoutWidth } from './text.ts';

/** Other spellings of the dot, the at sign and the hyphen. */
const otherMarks: readonly (readonly [RegExp, string])[] = [
  [/[\u3002\uff61\ufe52]/g, '.'],
  [/\ufe6b/g, '@'],
  [/[\u2010\u2011\ufe63]/g, '-'],
];
const before = /^[\s"“”„«»‹›「」『』‘’‚([]+/u;
const after = /[\s"“”„«»‹›「」『』‘’‚)\].,;:、'`]+$/u;
/** Quotes that an address may begin with: they go only with the one behind it. */
const mayBegin = /^['`]/;
const named = /^([^<>]*)<([^<>]*)>$/;
const link = /^mailto:(?:\/\/)?([^?]*)/i;

/**
 * An email address as users type and paste one: `mailto:` links, `Name <address>`, quotes, full-width letters, blanks and invisible
 * characters around and in it, punctuation behind it. A text that is an address already stays as it is, so no two accounts
 * become one; a text with several addresses, or with none, stays what it is too, for a schema to refuse.
 *
 * For what users, operators and files say. Addresses in documents that others signed are never cleaned.
 */
export function cleanEmail(typed: string): string {
  if (typed.length > LONGEST_TYPED_EMAIL || readMailAddress(typed) !== null) return typed;
  const bare = bracketed(plain(typed));
  const address = bare.replace(/\s*@\s*/, '@');
  return readMailAddress(address) === null ? withoutHidden(typed) : address;
}

function plain(typed: string): string {
  const text = otherMarks.reduce((so, [mark, ascii]) => so.replace(mark, ascii), withoutWidth(withoutHidden(typed)));
  const tail = text.replace(after, '');
  const isQuoted = mayBegin.test(text) && /['`]/.test(text.slice(tail.length));
  return tail.slice(isQuoted ? 1 : 0).replace(before, '');
}

/** Out of its brackets, unless the name before them is another address: then no one can say which of them is meant. */
function bracketed(text: string): string {
  const [, name = '', inner] = named.exec(text) ?? [];
  if (inner === undefined) return linked(text);
  const address = linked(plain(inner));
  const said = name.includes('@') ? plain(name) : address;
  return said.toLowerCase() === address.toLowerCase() ? address : text;
}

/** Out of its link. Decoded once: what is encoded twice is no address. */
function linked(text: string): string {
  const [, path] = link.exec(text) ?? [];
  if (path === undefined) return text;
  try {
    return plain(decodeURIComponent(path));
  } catch {
    return text;
  }
}

/** An address that an operation is given. Whether it is one, its service says. */
export const givenEmail = z.string().overwrite(cleanEmail);
