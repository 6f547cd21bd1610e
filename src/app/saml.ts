/** SAML: sign-ins at applications that speak it. */
import { createSamlApplications } from '#saml/applications/module.ts';
import { createSamlCertificates } from '#saml/certificates/module.ts';
import type { Kernel } from './kernel.ts';
import type { Nouns } from './nouns.ts';
import type { Provider } from './provider.ts';
import type { SamlRecords } from './saml-messages.ts';

export type CertificateLetters = ReturnType<typeof createCertificateLetters>;
export type Saml = ReturnType<typeof createSaml>;

/** Creates the sign-in at applications that speak SAML. */
export function createSaml(
  { clock, config, database, keyRing, outbound }: Kernel,
  { audit, knownUsers, saml }: Nouns,
  { oidc, knownStore }: Provider,
  records: SamlRecords,
) {
  return createSamlApplications({
    records,
    clock,
    database,
    keyRing,
    audit,
    issuer: config.issuer,
    users: knownUsers,
    claims: oidc.claimsPreview,
    organizations: knownStore,
    messages: saml.messages,
    outbound,
    completed: oidc.completedSignIns,
    current: oidc.current,
    keys: saml.keys.service,
  });
}

/** Creates the letters about certificates that end. */
export function createCertificateLetters(
  { clock, config, database }: Kernel,
  { audit, connections, look, permissionHolders, saml, users }: Nouns,
  { applications }: SamlRecords,
) {
  return createSamlCertificates({
    clock,
    database,
    audit,
    keys: saml.keys.service,
    applications,
    connections: connections.saml,
    managers: permissionHolders,
    users,
    letters: look.letters,
    issuerUrl: config.issuerUrl,
  });
}
