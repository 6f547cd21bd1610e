import { sha256 } from '#kernel/crypto.ts';
import { MOST_TAGS } from '../limits.ts';

/** Times of use. With them a condition would fail only because the user was active. */
const timesOfUse = /"last_(?:active|used|seen)_at":(?:null|"[^"]*"),?/g;

/** The strong entity tag of a representation (RFC 9110 §8.8.3), which changes with each byte of it except times of use. */
export const entityTagOf = (json: string | Buffer): string =>
  `"${sha256(json.toString().replaceAll(timesOfUse, '')).toString('base64url')}"`;

/** Of answers that are kept: the same object comes again. */
const tags = new WeakMap<object, string>();

/** The same of an answer that may be kept. */
export function entityTagOfAnswer(answer: { json: string | Buffer }): string {
  const known = tags.get(answer);
  if (known !== undefined) return known;
  const tag = entityTagOf(answer.json);
  tags.set(answer, tag);
  return tag;
}

/** The value of `If-Match` or `If-None-Match`: any object, or one with one of these tags (RFC 9110 §13.1.1, §13.1.2). */
export type Condition = '*' | readonly string[];

const ONE = /^(?:W\/)?"[\x21\x23-\x7e]*"$/;

/** Reads the header; null where it has another form. */
export function readCondition(text: string): Condition | null {
  if (text.trim() === '*') return '*';
  const tags = text.split(',', MOST_TAGS + 1).map((tag) => tag.trim());
  return tags.length <= MOST_TAGS && tags.every((tag) => ONE.test(tag)) ? tags : null;
}

/** Compares strongly: a weak tag is equal to none (RFC 9110 §8.8.3.2). */
export const matches = (condition: Condition, tag: string): boolean => condition === '*' || condition.includes(tag);

/** Compares weakly, for reads that ask whether something has changed. */
export const matchesWeakly = (condition: Condition, tag: string): boolean =>
  condition === '*' || condition.some((each) => each.replace(/^W\//, '') === tag);
