import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { z } from 'zod';
import { LEAST_RSA_BITS } from './limits.ts';

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

const publicJwk = z
  .looseObject({
    kty: z.enum(['RSA', 'EC', 'OKP'], { error: 'must be RSA, EC or OKP' }),
    kid: z.string().max(256).optional(),
    use: z.enum(['sig', 'enc']).optional(),
  })
  .superRefine((jwk, context) => {
    const member = privateMembers.find((name) => name in jwk);
    const problem = member ? `holds the private member ${member}` : problemOf(jwk);
    if (problem) context.addIssue({ code: 'custom', message: problem });
  });

/** The client's own public keys (RFC 7517 §5). A private or symmetric one is refused: it should never have left the client. */
export const publicJwksSchema = z.strictObject({ keys: z.array(publicJwk).min(1).max(20) });

/** Whether a key that was found at a client's `jwks_uri` would be accepted if it were registered. */
export function isUsableJwk(value: unknown): boolean {
  return publicJwk.safeParse(value).success;
}

function problemOf(jwk: JsonWebKey): string | null {
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const bits = key.asymmetricKeyDetails?.modulusLength;
    return bits !== undefined && bits < LEAST_RSA_BITS
      ? `is an RSA key of ${bits} bits; ${LEAST_RSA_BITS} are the least`
      : null;
  } catch {
    return 'is no usable public key';
  }
}
