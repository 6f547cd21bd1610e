import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { MOST_CERTIFICATES } from './limits.ts';
import { RefusedMessage } from './refusal.ts';

/** RFC 8301 and SP 800-131A: an RSA key below this is broken by those who try. */
const RSA_MINIMUM_BITS_LENGTH = 2048;
const CACHED_LENGTH = 500;
const curves = ['prime256v1', 'secp384r1', 'secp521r1'];

export type CertificateFacts = Readonly<{
  /** As PEM, however it was given. */
  pem: string;
  subject: string;
  notBefore: Date;
  notAfter: Date;
  /** SHA-256, as hexadecimal digits. */
  fingerprint: string;
  key: Readonly<{ type: string; bits: number | null; curve: string | null }>;
  /** Whether signatures of the key are accepted: RSA of at least 2048 bits, or one of three curves of NIST. */
  isStrong: boolean;
}>;

/** Reads a certificate given as PEM or as the base64 text of metadata; null if it is none. */
export function readCertificate(text: string): CertificateFacts | null {
  try {
    const certificate = new X509Certificate(pemOf(text));
    const { publicKey: key } = certificate;
    return {
      pem: certificate.toString().trim(),
      subject: certificate.subject.replaceAll('\n', ', '),
      notBefore: new Date(certificate.validFrom),
      notAfter: new Date(certificate.validTo),
      fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
      key: {
        type: key.asymmetricKeyType ?? '',
        bits: key.asymmetricKeyDetails?.modulusLength ?? null,
        curve: key.asymmetricKeyDetails?.namedCurve ?? null,
      },
      isStrong: isStrong(key),
    };
  } catch {
    return null;
  }
}

/**
 * The keys that may have signed a message. The expiry of a certificate is not asked: metadata vouches for the key, and many products
 * never renew the certificate around it. Weak keys are left out; a set of weak keys alone is refused.
 */
export function verificationKeys(certificates: readonly string[]): KeyObject[] {
  if (certificates.length === 0) throw new RefusedMessage('no_certificate');
  const strong = certificates.slice(0, MOST_CERTIFICATES).map(publicKeyOf).filter(isStrong);
  if (strong.length === 0) throw new RefusedMessage('signature_key');
  return strong;
}

/** The base64 text that metadata and KeyInfo hold. */
export function certificateBody(pem: string): string {
  return pem.replaceAll(/-----[A-Z ]+-----|\s/g, '');
}

const parsed = new Map<string, KeyObject>();

function publicKeyOf(certificate: string): KeyObject {
  const known = parsed.get(certificate);
  if (known) return known;
  const key = createPublicKey(pemOf(certificate));
  if (parsed.size >= CACHED_LENGTH) parsed.clear();
  parsed.set(certificate, key);
  return key;
}

function pemOf(text: string): string {
  if (text.includes('-----BEGIN')) return text;
  const lines = text.replaceAll(/\s/g, '').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function isStrong(key: KeyObject): boolean {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  return key.asymmetricKeyType === 'rsa' ? modulusLength >= RSA_MINIMUM_BITS_LENGTH : curves.includes(namedCurve);
}
