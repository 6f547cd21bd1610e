import { readCertificate } from '#saml/messages/module.ts';
import { MOST_CERTIFICATES } from './limits.ts';
import { MetadataProblem } from './metadata-problem.ts';

/** The certificates of a text in PEM, one after the other. `member`: its name for the operator. Throws MetadataProblem. */
export function certificatesIn(text: string, member: string): readonly string[] {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0 && text !== '') throw new MetadataProblem(`${member} must be in PEM`);
  return strongCertificates(found, member);
}

/** The same certificates in one form. Weak keys are refused here and when a signature is verified. Throws MetadataProblem. */
export function strongCertificates(certificates: readonly string[], where: string): readonly string[] {
  const read = [...new Set(certificates)].map((text) => readCertificate(text));
  if (read.length > MOST_CERTIFICATES) throw new MetadataProblem(`${where}: at most ${MOST_CERTIFICATES} certificates`);
  return read.map((facts) => {
    if (facts === null) throw new MetadataProblem(`${where}: one certificate cannot be read`);
    if (!facts.isStrong)
      throw new MetadataProblem(
        `${where}: the key of a certificate is too weak; RSA needs 2048 bits, EC a curve of NIST`,
      );
    return facts.pem;
  });
}
