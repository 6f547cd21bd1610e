import { createGuardrails, generateSecret, generateURI, verifySync } from 'otplib';
import { z } from 'zod';
import { type Clock, epochSeconds } from '#kernel/clock.ts';
import { LEAST_IMPORTED_TOTP_BYTES } from '../limits.ts';
import { readLetters } from '#directory/users/typed/text.ts';

/** RFC 4226 §4, R6: 160 bits are recommended, 128 demanded. */
const SECRET_BYTES = 20;
const guardrails = createGuardrails({ MIN_SECRET_BYTES: LEAST_IMPORTED_TOTP_BYTES });

export type TotpAlgorithm = 'sha1' | 'sha256' | 'sha512';

/** The parameters of a code. */
export type TotpSecret = {
  /** Base32. */
  secret: string;
  algorithm: TotpAlgorithm;
  digits: number;
  /** Seconds of one step. */
  period: number;
};

/** A secret that comes from another product; what is not said is what nearly all apps do. */
export const totpImport = z.strictObject({
  secret: z
    .string()
    .transform((typed) => typed.replaceAll(/[\s=-]/g, '').toUpperCase())
    .refine(
      (text) => /^[A-Z2-7]+$/.test(text) && text.length >= (LEAST_IMPORTED_TOTP_BYTES * 8) / 5 && text.length <= 200,
      'must be base32 of at least 80 bits',
    ),
  algorithm: z.enum(['sha1', 'sha256', 'sha512']).default('sha1'),
  digits: z.union([z.literal(6), z.literal(8)]).default(6),
  period: z.number().int().min(15).max(120).default(30),
  /** Empty where the user gave none. */
  name: z.string().trim().max(64).default(''),
});
export type TotpImport = z.input<typeof totpImport>;

/** Authenticator apps agree on no more than this: SHA-1, six digits, 30 seconds. */
export function newTotpSecret(): TotpSecret {
  return { secret: generateSecret({ length: SECRET_BYTES }), algorithm: 'sha1', digits: 6, period: 30 };
}

/** The text of the QR code. A colon would end the issuer too early. */
export function totpUri({ secret, algorithm, digits, period }: TotpSecret, issuer: string, account: string): string {
  return generateURI({ issuer: issuer.replaceAll(':', ' '), label: account, secret, algorithm, digits, period });
}

/** The key as it is typed by hand, in groups of four. */
export function inGroups(secret: string): string {
  return secret.replaceAll(/.{4}(?=.)/g, '$& ');
}

/** The time step that a code belongs to, at most `window` steps from now; null when it is no code of these steps. */
export function matchingStep(
  { secret, algorithm, digits, period }: TotpSecret,
  typed: string,
  { clock, window }: { clock: Clock; window: number },
): number | null {
  const token = readLetters(typed);
  if (!/^\d+$/.test(token) || token.length !== digits) return null;
  const result = verifySync({
    secret,
    algorithm,
    digits,
    period,
    token,
    guardrails,
    epoch: epochSeconds(clock),
    epochTolerance: window * period,
  });
  return result.valid && 'timeStep' in result ? result.timeStep : null;
}
