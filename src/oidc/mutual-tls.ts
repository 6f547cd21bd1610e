import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { ClientCertificates } from '#kernel/http/client-certificate.ts';

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
      if (!certificate) return false;
      if (property === 'tls_client_auth_subject_dn') return sameNames(certificate.subject, expected);
      const kind = {
        tls_client_auth_san_dns: 'DNS',
        tls_client_auth_san_uri: 'URI',
        tls_client_auth_san_ip: 'IP Address',
        tls_client_auth_san_email: 'email',
      }[property];
      return kind !== undefined && (certificate.subjectAltName ?? '').split(', ').includes(`${kind}:${expected}`);
    },
  };
}

/** Compares parsed names, not text: RFC 4514 writes them in one order and with commas, Node in the other and on lines. */
function sameNames(subject: string, expected: string): boolean {
  const parse = (text: string, separator: RegExp): string[] =>
    text
      .split(separator)
      .map((part) => part.trim())
      .filter(Boolean)
      .map((part) => {
        const at = part.indexOf('=');
        return `${part.slice(0, at).trim().toUpperCase()}=${part.slice(at + 1).trim()}`;
      });
  const given = parse(subject, /\n/);
  const wanted = parse(expected, /(?<!\\),/);
  const same = (other: readonly string[]) =>
    given.length === other.length && given.every((part, i) => part === other[i]);
  return given.length > 0 && (same(wanted) || same(wanted.toReversed()));
}
