import { sha256 } from '#kernel/crypto.ts';

/** The strong entity tag of a representation (RFC 9110 §8.8.3), which changes with each byte of it. */
export const entityTagOf = (json: string): string => `"${sha256(json).toString('base64url')}"`;
