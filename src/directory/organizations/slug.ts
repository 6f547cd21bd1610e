import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { SUFFIXES } from './limits.ts';

/** As long as a label of a host name (RFC 1035 §2.3.4), so that a slug can be one. */
const SLUG_LENGTH = 63;

/** A slug: lower-case letters, digits and hyphens, never an id. */
export const slugSchema = z
  .string()
  .max(SLUG_LENGTH)
  .regex(
    /^[a-z0-9]+(-[a-z0-9]+)*$/,
    'must be lower-case letters and digits, with single hyphens between them, such as acme-labs',
  );

/** A slug made of a name: letters without their marks, and hyphens for the rest. */
export function slugOf(name: string): string {
  const plain = name.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
  const words = plain.match(/[a-z0-9]+/g)?.join('-') ?? '';
  return words.slice(0, SLUG_LENGTH).replace(/-$/, '') || 'organization';
}

/** Another slug for the same name. */
export function nextSlug(slug: string): string {
  const suffix = `-${randomInt(SUFFIXES)}`;
  return slug.slice(0, SLUG_LENGTH - suffix.length).replace(/-$/, '') + suffix;
}
