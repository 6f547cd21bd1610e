import type { Level } from '#oidc/module.ts';

/** What somebody proved themselves with. Two of one row of `channels` are one factor. */
export type Factor = 'password' | 'email' | 'sms' | 'totp' | 'recovery-code' | 'passkey' | 'security-key';

/** One proof, made once. */
export type Proof = {
  factor: Factor;
  /** RFC 8176, of this factor alone. */
  amr: readonly string[];
  /** NumericDate. */
  at: number;
};

/** What a factor depends on. A code and a link that come by mail are one mailbox; a recovery code is a paper. */
const channels: Readonly<Record<Factor, string>> = {
  password: 'memory',
  email: 'mailbox',
  sms: 'phone',
  totp: 'app',
  'recovery-code': 'paper',
  passkey: 'key',
  'security-key': 'key',
};

/** A passkey: the key, and its owner verified by it (WebAuthn user verification), so two factors at once. */
const isPasskey = ({ factor }: Pick<Proof, 'factor'>) => factor === 'passkey';
/** Bound to our origin by the browser. */
const cannotBePhished = ({ factor }: Pick<Proof, 'factor'>) => factor === 'passkey' || factor === 'security-key';

/** The level that proofs reach together; 0 for none. */
export function levelOfProofs(proofs: readonly Pick<Proof, 'factor'>[]): Level | 0 {
  if (proofs.length === 0) return 0;
  const hasTwo = proofs.some(isPasskey) || new Set(proofs.map(({ factor }) => channels[factor])).size > 1;
  if (!hasTwo) return 1;
  return proofs.some(cannotBePhished) ? 3 : 2;
}

/** RFC 8176 values of a sign-in, `mfa` added where two factors came together. */
export function amrOfProofs(proofs: readonly Pick<Proof, 'factor' | 'amr'>[]): readonly string[] {
  const amr = new Set(proofs.flatMap((proof) => proof.amr));
  if (levelOfProofs(proofs) >= 2) amr.add('mfa');
  return [...amr];
}

/** The factor behind a session of one factor, so that a second one can be added to it. */
export function factorOfAmr(amr: readonly string[]): Factor | null {
  if (amr.includes('pwd')) return 'password';
  if (amr.includes('sms')) return 'sms';
  return amr.includes('otp') ? 'email' : null;
}

export const amrOfFactor = {
  password: ['pwd'],
  email: ['otp'],
  sms: ['otp', 'sms'],
  totp: ['otp'],
  'recovery-code': ['otp'],
} as const satisfies Partial<Record<Factor, readonly string[]>>;
