import { passwordRefused } from './errors.ts';

const MAXIMUM_CODE_POINTS = 256;
const MAXIMUM_BYTES = 1024;

/** Passwords that attackers try first, in lower case, beside what one can make of the person and the product. */
const COMMON = new Set([
  'passwordpassword',
  'password12345678',
  'qwertyuiopasdfgh',
  '123456789012345',
  '1234567890123456',
  'correcthorsebatterystaple',
  'iloveyouiloveyou',
  'administrator123',
  'changemechangeme',
  'letmeinletmeinletmein',
]);

/** Throws credentials.password_too_short, _too_long or _common. No composition rules: length and a blocklist alone (NIST SP 800-63B-4). */
export function assertPasswordAllowed(
  password: string,
  { minimumLength, about }: { minimumLength: number; about: readonly string[] },
): void {
  const normalized = password.normalize('NFC');
  const length = [...normalized].length;
  if (length < minimumLength) throw passwordRefused('too_short', { minimum: minimumLength });
  if (length > MAXIMUM_CODE_POINTS || Buffer.byteLength(normalized) > MAXIMUM_BYTES) throw passwordRefused('too_long');
  const lower = normalized.toLowerCase();
  const repeated = /^(.{1,4})\1+$/u.test(lower);
  const personal = about
    .map((word) => word.toLowerCase())
    .some((word) => word.length >= 4 && lower.replaceAll(word, '').length < 8);
  if (COMMON.has(lower) || repeated || personal) throw passwordRefused('common');
}
