import type { X509Certificate } from 'node:crypto';

/** A client that `tls_client_auth` names by its certificate is named by exactly one of these (RFC 8705 §2.1.2). */
const altNames: Readonly<Record<string, string>> = {
  tls_client_auth_san_dns: 'DNS',
  tls_client_auth_san_uri: 'URI',
  tls_client_auth_san_ip: 'IP Address',
  tls_client_auth_san_email: 'email',
};

/** Whether the certificate is the one that the client registered; names are compared part by part, never as one text. */
export function matchesSubject(
  certificate: Pick<X509Certificate, 'subject' | 'subjectAltName'>,
  property: string,
  expected: string,
): boolean {
  if (property === 'tls_client_auth_subject_dn') return isSameName(certificate.subject, expected);
  const kind = altNames[property];
  return altNamesOf(certificate.subjectAltName ?? '').some((name) => name.kind === kind && name.value === expected);
}

/** RFC 4514 §2.1 writes the most specific part first, Node the other way round and each part on a line of its own. */
function isSameName(subject: string, expected: string): boolean {
  const given = subject.split('\n').filter(Boolean).map(readPart).toReversed();
  const wanted = splitName(expected).map(readPart);
  return given.length > 0 && given.length === wanted.length && given.every((part, i) => part === wanted[i]);
}

/** At commas that are not escaped. */
function splitName(text: string): string[] {
  return [...text.matchAll(/((?:\\.|[^\\,])+)(?:,|$)/g)].map(([, part = '']) => part);
}

function readPart(part: string): string {
  const at = part.indexOf('=');
  return `${part.slice(0, at).trim().toUpperCase()}=${unescape(part.slice(at + 1).trim())}`;
}

/** RFC 4514 §2.4: `\,` is a comma, `\2C` too; neighbouring pairs of hexadecimal digits are UTF-8 together. */
function unescape(text: string): string {
  return text
    .replaceAll(/(?:\\[\da-fA-F]{2})+/g, (pairs) => Buffer.from(pairs.replaceAll('\\', ''), 'hex').toString('utf8'))
    .replaceAll(/\\(.)/g, '$1');
}

/** Node puts a name that holds a separator into quotes, so that it cannot pass for two. */
function altNamesOf(text: string): { kind: string; value: string }[] {
  return [...text.matchAll(/(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)/gy)].map(([, kind = '', value = '']) => ({
    kind,
    value: value.startsWith('"') ? (JSON.parse(value) as string) : value,
  }));
}
