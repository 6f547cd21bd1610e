import type { IncomingMessage } from 'node:http';
import { countHeaders } from '#kernel/http/origin.ts';
import { idempotencyKeyInvalid } from '../errors.ts';

/** Characters that no proxy changes, without space. */
const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * The header `Idempotency-Key`, undefined where it is missing: a text as such, or in quotes as the draft of the header writes it.
 * Throws api.idempotency_key_invalid.
 */
export function idempotencyKeyOf({
  headers,
  rawHeaders,
}: Pick<IncomingMessage, 'headers' | 'rawHeaders'>): string | undefined {
  const given = headers['idempotency-key'];
  if (given === undefined) return undefined;
  const text = typeof given === 'string' ? (/^"([^"\\]*)"$/.exec(given)?.[1] ?? given) : '';
  if (countHeaders(rawHeaders, 'idempotency-key') !== 1 || !KEY.test(text)) throw idempotencyKeyInvalid();
  return text;
}
