import type { Clock } from '#kernel/clock.ts';
import { type Finding, ofCertificate } from './finding.ts';

type Ends<Named> = { certificateEnds(): Promise<readonly (Named & { endsAt: Date })[]> };

/** The services that know when certificates for SAML end. */
export type CertificateSources = {
  keys: Ends<{ use: string }>;
  applications: Ends<{ name: string }>;
  connections: Ends<{ slug: string }>;
};

/** A line for each certificate for SAML: of our keys, of applications and of identity providers. */
export async function certificateFindings(sources: CertificateSources, clock: Clock): Promise<Finding[]> {
  const [keys, applications, connections] = await Promise.all([
    sources.keys.certificateEnds(),
    sources.applications.certificateEnds(),
    sources.connections.certificateEnds(),
  ]);
  const now = clock.now();
  const ask = 'Ask its operator for new metadata.';
  return [
    ...keys.map(({ use, endsAt }) => ofCertificate(`saml ${use} key`, endsAt, now, 'Run saml-keys rotate.')),
    ...applications.map(({ name, endsAt }) => ofCertificate(`application ${name}`, endsAt, now, ask)),
    ...connections.map(({ slug, endsAt }) => ofCertificate(`connection ${slug}`, endsAt, now, ask)),
  ];
}
