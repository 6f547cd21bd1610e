import { z } from 'zod';

/**
 * An authenticator's response from the browser, in the JSON of WebAuthn 3 §5.1. Only its shape and size are checked
 * here; nothing in it is true before it was verified.
 */
const base64url = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .regex(/^[\w-]+$/);

/** 1,023 bytes (WebAuthn 3 §4). */
const credentialId = base64url(1364);
const clientDataJSON = base64url(4096);
const attachment = z.enum(['platform', 'cross-platform']).nullish();

const assertionSchema = z.object({
  id: credentialId,
  rawId: credentialId,
  type: z.literal('public-key'),
  authenticatorAttachment: attachment,
  response: z.object({
    clientDataJSON,
    authenticatorData: base64url(4096),
    signature: base64url(4096),
    userHandle: z.union([base64url(86), z.literal('')]).nullish(),
  }),
});
export type Assertion = z.output<typeof assertionSchema>;

const attestationSchema = z.object({
  id: credentialId,
  rawId: credentialId,
  type: z.literal('public-key'),
  authenticatorAttachment: attachment,
  response: z.object({
    clientDataJSON,
    attestationObject: base64url(40_000),
    transports: z.array(z.string().max(32)).max(16).optional(),
  }),
});
export type Attestation = z.output<typeof attestationSchema>;

/** Null when it is no such answer at all. */
export const readAssertion = (json: string): Assertion | null => read(assertionSchema, json);
/** Parses the JSON of a new passkey (WebAuthn 3 §5.1); null for another shape. Nothing is verified. */
export const readAttestation = (json: string): Attestation | null => read(attestationSchema, json);

const clientDataSchema = z.object({
  challenge: base64url(128),
  crossOrigin: z.unknown().optional(),
  topOrigin: z.unknown().optional(),
});

/**
 * Which challenge the answer is to, and whether it was made inside a frame of another site: a page that frames ours must
 * not collect what users do here (WebAuthn 3 §13.4.9).
 */
export function readClientData(encoded: string): { challenge: string; isFramed: boolean } | null {
  const data = read(clientDataSchema, Buffer.from(encoded, 'base64url').toString('utf8'));
  if (data === null) return null;
  const { challenge, crossOrigin, topOrigin } = data;
  return { challenge, isFramed: (crossOrigin ?? false) !== false || topOrigin !== undefined };
}

function read<S extends z.ZodType>(schema: S, json: string): z.output<S> | null {
  try {
    return schema.safeParse(JSON.parse(json)).data ?? null;
  } catch {
    return null;
  }
}
