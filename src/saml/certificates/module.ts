/**
 * certificates: letters about certificates for SAML that end.
 *
 * Owns    the table saml_certificate_warning; when a letter is due and which users get it.
 * Leaves  the certificates to saml/keys, saml/applications and connections, and who manages them to directory/access.
 * URLs    none.
 */
import { type CertificateExpiryDependencies, CertificateExpiry } from './certificate-expiry.ts';

export type Dependencies = CertificateExpiryDependencies;

/** Creates the letters. */
export const createSamlCertificates = (dependencies: Dependencies) => ({ expiry: new CertificateExpiry(dependencies) });

export { CertificateWarning } from './certificate-warning.ts';
