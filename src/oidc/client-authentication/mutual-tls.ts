import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { ClientCertificates } from '#kernel/http/client-certificate.ts';
import { matchesSubject } from './certificate-subject.ts';

type MutualTls = NonNullable<NonNullable<Configuration['features']>['mTLS']>;

/** RFC 8705: clients that authenticate by certificate, and tokens that are bound to one. Off where no certificate can arrive. */
export function mutualTls(certificates: ClientCertificates | null): MutualTls {
  if (certificates === null) return { enabled: false };
  const of = (ctx: KoaContextWithOIDC) => certificates.of(ctx.req);
  return {
    enabled: true,
    certificateBoundAccessTokens: true,
    selfSignedTlsClientAuth: true,
    tlsClientAuth: true,
    getCertificate: (ctx) => of(ctx)?.certificate.toString(),
    certificateAuthorized: (ctx) => of(ctx)?.isAuthorized ?? false,
    certificateSubjectMatches: (ctx, property, expected) => {
      const certificate = of(ctx)?.certificate;
      return certificate !== undefined && matchesSubject(certificate, property, expected);
    },
  };
}
