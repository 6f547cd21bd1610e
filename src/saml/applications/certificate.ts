import { X509Certificate } from 'node:crypto';
import { LEAST_RSA_BITS } from './limits.ts';
import type { SpCertificate } from './service-provider.ts';

const curves: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

/** A certificate as PEM, or its base64 text alone, as base64 of DER; null where it is none or its key is weak. */
export function readCertificate(text: string): string | null {
  const bare = text.replace(/-----(?:BEGIN|END) CERTIFICATE-----/g, '').replace(/\s+/g, '');
  try {
    const certificate = new X509Certificate(Buffer.from(bare, 'base64'));
    return isStrong(certificate) ? certificate.raw.toString('base64') : null;
  } catch {
    return null;
  }
}

function isStrong({ publicKey }: X509Certificate): boolean {
  const { modulusLength, namedCurve } = publicKey.asymmetricKeyDetails ?? {};
  if (publicKey.asymmetricKeyType === 'rsa') return (modulusLength ?? 0) >= LEAST_RSA_BITS;
  return publicKey.asymmetricKeyType === 'ec' && curves.has(namedCurve ?? '');
}

const parsed = ({ der }: Pick<SpCertificate, 'der'>): X509Certificate =>
  new X509Certificate(Buffer.from(der, 'base64'));

/** The certificate as PEM. */
export const pemOf = (certificate: Pick<SpCertificate, 'der'>): string => parsed(certificate).toString();

/** A certificate as operators see it. */
export function shownCertificate(certificate: SpCertificate) {
  const { subject, validFromDate, validToDate, fingerprint256 } = parsed(certificate);
  return {
    use: certificate.use,
    subject: subject.replaceAll('\n', ', '),
    not_before: validFromDate.toISOString(),
    not_after: validToDate.toISOString(),
    fingerprint_sha256: fingerprint256,
  };
}

/** When it ends. */
export const endOf = (certificate: Pick<SpCertificate, 'der'>): Date => parsed(certificate).validToDate;

const isFor = (purpose: 'signing' | 'encryption', { use }: SpCertificate): boolean => use === 'both' || use === purpose;

/** The certificates that may have signed a message; none that is over. */
export const signingCertificates = (all: readonly SpCertificate[], now: Date): readonly SpCertificate[] =>
  all.filter((each) => isFor('signing', each) && endOf(each) > now);

/** The certificate to encrypt to: of those that hold now, the one that lasts longest. Encryption needs RSA. */
export function encryptionCertificate(all: readonly SpCertificate[], now: Date): SpCertificate | null {
  const usable = all.filter(
    (each) => isFor('encryption', each) && endOf(each) > now && parsed(each).publicKey.asymmetricKeyType === 'rsa',
  );
  return usable.toSorted((a, b) => endOf(b).getTime() - endOf(a).getTime())[0] ?? null;
}
