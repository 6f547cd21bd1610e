import { X509Certificate } from 'node:crypto';
import { isoCBOR } from '@simplewebauthn/server/helpers';
import type { Clock } from '#kernel/clock.ts';
import type { Policy } from '#settings/module.ts';

type Statement = ReadonlyMap<string, unknown>;
type AttestationPolicy = Pick<Policy<'passkeys'>, 'attestation' | 'attestationRoots'>;

/**
 * Formats whose certificates come in `x5c`. `android-key` is not among them: verifying it follows addresses that stand in
 * the certificate of the sender.
 */
const ATTESTED_FORMATS: ReadonlySet<unknown> = new Set(['packed', 'tpm', 'fido-u2f']);

/**
 * The attestation object that is to be verified, or null when the policy wants one that says more. Where no attestation was
 * requested, an unrequested statement is ignored: it is replaced by none, so that no untrusted certificates
 * are ever parsed. Throws on what is no CBOR.
 */
export function requestedAttestation(encoded: string, policy: AttestationPolicy, clock: Clock): string | null {
  const bytes = new Uint8Array(Buffer.from(encoded, 'base64url'));
  const object = isoCBOR.decodeFirst<Map<string, unknown>>(bytes);
  if (isoCBOR.encode(object as never).byteLength !== bytes.byteLength)
    throw new Error('there is more than one CBOR item');
  if (policy.attestation === 'direct') return isAttested(object, policy, clock) ? encoded : null;
  const silent = new Map<string, unknown>([
    ['fmt', 'none'],
    ['attStmt', new Map()],
    ['authData', object.get('authData')],
  ]);
  return Buffer.from(isoCBOR.encode(silent as never)).toString('base64url');
}

/** Signed with the key of a maker: of anyone, or of one whose root the operator has named. */
function isAttested(object: Statement, { attestationRoots }: AttestationPolicy, clock: Clock): boolean {
  const statement = object.get('attStmt');
  const x5c: unknown = statement instanceof Map ? statement.get('x5c') : undefined;
  if (!ATTESTED_FORMATS.has(object.get('fmt')) || !Array.isArray(x5c) || x5c.length === 0) return false;
  if (attestationRoots.length === 0) return true;
  const chain = x5c.map((certificate: Uint8Array) => new X509Certificate(certificate));
  return leadsTo(
    attestationRoots.map((pem) => new X509Certificate(pem)),
    chain,
    clock.now(),
  );
}

/** RFC 5280 §6 as far as makers of authenticators use it: the chain of signatures and its validity. Nothing is fetched. */
function leadsTo(roots: readonly X509Certificate[], chain: readonly X509Certificate[], now: Date): boolean {
  const holds = ({ validFromDate, validToDate }: X509Certificate) => validFromDate <= now && now <= validToDate;
  const signed = (issuer: X509Certificate, subject: X509Certificate) =>
    issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
  const isUnbroken = chain.every((certificate, i) => {
    const above = chain[i + 1];
    return holds(certificate) && (above === undefined || signed(above, certificate));
  });
  const last = chain.at(-1);
  if (!isUnbroken || last === undefined) return false;
  return roots.some((root) => holds(root) && (root.fingerprint256 === last.fingerprint256 || signed(root, last)));
}
