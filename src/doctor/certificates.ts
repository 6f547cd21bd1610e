import type { Clock } from '#kernel/clock.ts';
import { type Finding, ofCertificate } from './finding.ts';

type Ends<Named> = { certificateEnds(): Promise<readonly (Named & { endsAt: Date })[]> };

/** The services that know when certificates end. */
export type CertificateSources = {
  keys: Ends<{ use: string }>;
  applications: Ends<{ name: string }>;
  connections: Ends<{ slug: string }>;
  /** With which this instance proves itself to identity providers. */
  ownKeys: Ends<{ slug: string }>;
};

/** A line for each certificate: of our keys for SAML, of applications, of identity providers, and of our keys at those. */
export async function certificateFindings(sources: CertificateSources, clock: Clock): Promise<Finding[]> {
  const [keys, applications, connections, ownKeys] = await Promise.all([
    sources.keys.certificateEnds(),
    sources.applications.certificateEnds(),
    sources.connections.certificateEnds(),
    sources.ownKeys.certificateEnds(),
  ]);
  const now = clock.now();
  const ask = 'Ask its operator for new metadata.';
  return [
    ...keys.map(({ use, endsAt }) => ofCertificate(`saml ${use} key`, endsAt, now, 'Run saml-keys rotate.')),
    ...applications.map(({ name, endsAt }) => ofCertificate(`application ${name}`, endsAt, now, ask)),
    ...connections.map(({ slug, endsAt }) => ofCertificate(`connection ${slug}`, endsAt, now, ask)),
    ...ownKeys.map(({ slug, endsAt }) =>
      ofCertificate(
        `client certificate of connection ${slug}`,
        endsAt,
        now,
        'Register a new one at the provider, and set it.',
      ),
    ),
  ];
}
