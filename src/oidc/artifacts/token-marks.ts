import { crc32 } from 'node:zlib';
import type { Kind } from './artifact-store.ts';

/** Marks by which users and scanners of source code know a leaked secret of ours, and what it was for. */
const prefixes = {
  AccessToken: 'lk_at_',
  ClientCredentials: 'lk_ct_',
  RefreshToken: 'lk_rt_',
  AuthorizationCode: 'lk_ac_',
  InitialAccessToken: 'lk_it_',
  RegistrationAccessToken: 'lk_rg_',
} as const satisfies Partial<Record<Kind, string>>;

export type MarkedKind = keyof typeof prefixes;

export const markedKinds = Object.keys(prefixes) as readonly MarkedKind[];

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const CHECKSUM_LENGTH = 6;

/** `random` with the prefix of its kind and a checksum, so that a scanner reports no random text that looks alike. */
export function mark(kind: MarkedKind, random: string): string {
  const text = prefixes[kind] + random;
  return text + checksum(text);
}

/** False for a text that cannot be a value of this kind: nothing needs to be looked up then. */
export function mayBe(kind: Kind, text: string): boolean {
  const prefix = (prefixes as Partial<Record<Kind, string>>)[kind];
  if (prefix === undefined) return true;
  const end = text.length - CHECKSUM_LENGTH;
  return text.startsWith(prefix) && end > prefix.length && checksum(text.slice(0, end)) === text.slice(end);
}

function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i += 1) {
    digits = DIGITS[rest % DIGITS.length] + digits;
    rest = Math.floor(rest / DIGITS.length);
  }
  return digits;
}
