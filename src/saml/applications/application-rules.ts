import { isWebAddress } from '#kernel/issuer.ts';
import { applicationInvalid } from './errors.ts';
import { encryptionCertificate, signingCertificates } from './certificate.ts';
import type { ServiceProvider } from './service-provider.ts';

/** The members of an application that rules compare. */
type Ruled = Pick<
  ServiceProvider,
  'entityId' | 'consumers' | 'logoutEndpoints' | 'certificates' | 'requiresSignedRequests' | 'encrypts'
>;

/** Throws saml.application_invalid with every member that is wrong. */
export function requireUsable(application: Ruled, now: Date): void {
  const problems = Object.fromEntries(problemsOf(application, now));
  if (Object.keys(problems).length > 0) throw applicationInvalid(problems);
}

function problemsOf(application: Ruled, now: Date): [member: string, problem: string][] {
  const { entityId, consumers, logoutEndpoints, certificates } = application;
  const found: [string, string][] = [];
  if (!isEntityId(entityId)) found.push(['entity_id', 'must be a URI or a name without spaces']);
  if (consumers.length === 0) found.push(['acs_urls', 'must hold at least one address that takes HTTP-POST']);
  const consumer = consumers.find(({ url }) => !isWebAddress(url));
  if (consumer) found.push(['acs_urls', `holds ${JSON.stringify(consumer.url)}, which must begin with https://`]);
  if (new Set(consumers.map(({ index }) => index)).size < consumers.length)
    found.push(['acs_urls', 'must not repeat an index']);
  if (consumers.filter(({ isDefault }) => isDefault).length > 1) found.push(['acs_urls', 'must have one default']);
  const logout = logoutEndpoints.find(
    ({ url, responseUrl }) => !isWebAddress(url) || !isWebAddress(responseUrl ?? url),
  );
  if (logout) found.push(['logout_endpoints', `holds ${JSON.stringify(logout.url)}, which must begin with https://`]);
  const canSign = signingCertificates(certificates, now).length > 0;
  if (!canSign && application.requiresSignedRequests)
    found.push(['certificates', 'must hold a valid one for signatures, because requests must be signed']);
  if (application.encrypts && encryptionCertificate(certificates, now) === null)
    found.push(['certificates', 'must hold a valid one of RSA for encryption, because assertions are encrypted']);
  return found;
}

/** SAML Core §8.3.6: a URI of at most 1024 characters; some applications use plain names. */
const isEntityId = (text: string): boolean => /^[\x21-\x7e]{1,1024}$/.test(text);
