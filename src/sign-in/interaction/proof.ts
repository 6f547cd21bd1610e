import { beginsWith, type Factor, type FirstFactor, firstFactors, methods } from '#credentials/module.ts';
import type { Level } from '#oidc/module.ts';

/** One proof, made once. */
export type Proof = {
  factor: Factor;
  /** RFC 8176, of this factor alone. */
  amr: readonly string[];
  /** The slug of the connection, of a sign-in at an upstream provider. */
  connection?: string;
  /** NumericDate. */
  at: number;
};

/** The level that proofs reach together; 0 for none. */
export function levelOfProofs(proofs: readonly (Pick<Proof, 'factor'> & Partial<Pick<Proof, 'amr'>>)[]): Level | 0 {
  if (proofs.length === 0) return 0;
  const hasTwo =
    proofs.some(({ factor, amr }) => methods[factor].isTwo || (methods[factor].tellsTwo && amr?.includes('mfa'))) ||
    new Set(proofs.map(({ factor }) => methods[factor].channel)).size > 1;
  if (!hasTwo) return 1;
  return proofs.some(({ factor }) => methods[factor].cannotBePhished) ? 3 : 2;
}

/** RFC 8176 values of a sign-in, `mfa` added where two factors came together. */
export function amrOfProofs(proofs: readonly Pick<Proof, 'factor' | 'amr'>[]): readonly string[] {
  const amr = new Set(proofs.flatMap((proof) => proof.amr));
  if (levelOfProofs(proofs) >= 2) amr.add('mfa');
  return [...amr];
}

/** The factor with which a session began, as it says; null for one of an older version. */
export const firstFactorOf = (amr: readonly string[]): FirstFactor | null =>
  firstFactors.find((factor) => isProvedBy(factor, amr) || isKeyProof(factor, amr)) ?? null;

/** Whether a session or a token that was proved so may have begun in one of these ways. */
export const beganIn = (amr: readonly string[], opened: Parameters<typeof beginsWith>[1]): boolean =>
  firstFactors.some((factor) => beginsWith(factor, opened) && (isProvedBy(factor, amr) || isKeyProof(factor, amr)));

/** A passkey says what kind of key it is, and that its owner was verified. */
const isKeyProof = (factor: FirstFactor, amr: readonly string[]): boolean =>
  methods[factor].channel === 'key' && amr.includes('mfa') && (amr.includes('hwk') || amr.includes('swk'));

const isProvedBy = (factor: FirstFactor, amr: readonly string[]): boolean =>
  methods[factor].amr?.every((value) => amr.includes(value)) ?? false;

/** The factor behind a session of one factor, so that a second one can be added to it. A text message says `otp` too, and comes first. */
export function factorOfAmr(amr: readonly string[]): Factor | null {
  return firstFactors.find((factor) => isProvedBy(factor, amr)) ?? null;
}
