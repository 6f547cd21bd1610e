import { isDangerousScheme } from '#kernel/native-schemes.ts';
import { isLoopback } from '#kernel/issuer.ts';
import { LONGEST_REDIRECT_URI } from './limits.ts';

/** Why an address may not be registered, in words that complete "<address> ...". */
type Objection = string;

/** The application type decides which addresses can belong only to the client (OpenID Connect Dynamic Client Registration §2). */
export type ApplicationType = 'web' | 'native';

/** RFC 3986 §2: no other character stands in a URI, and "%" only before two hexadecimal digits. */
const uriText = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/;
/** RFC 1123 §2.1, with the underscore that there is in practice. A URL allows more, `;` and `,` among it, which end things elsewhere. */
const hostText = /^(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])$/i;
const encodedControl = /%(?:[01][0-9A-Fa-f]|7[Ff])/;
/** RFC 8252 §7.1: a name below a domain that the app's maker controls, reversed; so there is a dot in it. */
const privateUseScheme = /^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:$/;
/** RFC 8252 §7.3: the addresses themselves; §8.3 advises against localhost, whose meaning a resolver decides, and tools use it. */
const loopbackHosts = new Set(['127.0.0.1', '[::1]', 'localhost']);
/** Parameters of a response (RFC 6749 §4.1.2, §4.2.2; RFC 9207): registered ones would come with ours. */
const responseParameters = new Set([
  'code',
  'state',
  'iss',
  'error',
  'error_description',
  'response',
  'id_token',
  'access_token',
]);

/**
 * Whether `uri` may be registered as a redirect or post-logout redirect address; null when it may, else the reason.
 * An address is registered in the one form in which it will be compared, character by character (RFC 9700 §2.1).
 */
export function objectionToRedirectUri(
  uri: string,
  applicationType: ApplicationType,
  nativeSchemes: readonly string[] = [],
): Objection | null {
  return objectionToText(uri) ?? objectionToUrl(uri, applicationType, nativeSchemes);
}

/** The private-use schemes of addresses that a client has already: it keeps them when the operator takes a scheme off the list. */
export const schemesOf = (uris: readonly string[]): string[] =>
  uris.flatMap((uri) => URL.parse(uri)?.protocol.slice(0, -1) ?? []);

/**
 * Whether `origin` may be listed for a client, in words that complete "<origin> ..."; null when it may. Exactly as a browser sends it
 * (RFC 6454 §7): of a web page, or of the web view of an app, which has a scheme of its own.
 */
export function objectionToOrigin(origin: string): Objection | null {
  const [, scheme, host] = /^([a-z][a-z0-9+.-]*):\/\/([^/?#@\s]+)$/.exec(origin) ?? [];
  const url = URL.parse(origin);
  if (scheme === undefined || host === undefined || !url || !hostText.test(url.hostname))
    return 'is no origin, such as https://app.example.com or capacitor://localhost';
  if (scheme === 'https' || scheme === 'http') {
    if (url.origin !== origin) return `must be written in its normal form, ${url.origin}`;
    return scheme === 'https' || isLoopback(url.hostname)
      ? null
      : 'must begin with https://, unless its host is this machine';
  }
  if (host !== host.toLowerCase()) return 'must be written in small letters';
  return isDangerousScheme(scheme) ? `must not use the scheme ${scheme}` : null;
}

/** A loopback address in its one spelling: a port without leading zeros, not 0; an empty one is none. */
const loopbackText = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost))(?::([1-9]\d{0,4}))?((?:[/?][^#]*)?)$/;

/**
 * Whether `uri`, as it came with a request, is one of the registered addresses, character by character. RFC 8252 §7.3: an app on
 * the device takes the port that the system gives it, so that the port of its loopback addresses is free.
 */
export function isRegisteredUri(
  uri: string,
  { registered, applicationType }: { registered: readonly string[]; applicationType: ApplicationType },
): boolean {
  if (registered.includes(uri)) return true;
  const asked = applicationType === 'native' ? withoutPort(uri) : null;
  return asked !== null && registered.some((one) => withoutPort(one) === asked);
}

function withoutPort(uri: string): string | null {
  const [, host, port, rest] = loopbackText.exec(uri) ?? [];
  if (host === undefined || rest === undefined || Number(port ?? 0) > 65_535) return null;
  return `${host}${rest}`;
}

function objectionToText(uri: string): Objection | null {
  if (uri === '') return 'is empty';
  if (uri.length > LONGEST_REDIRECT_URI) return `is longer than ${LONGEST_REDIRECT_URI} characters`;
  if (!uriText.test(uri)) return 'holds characters that must be percent-encoded';
  if (encodedControl.test(uri)) return 'holds encoded control characters';
  if (uri.includes('#')) return 'must not have a fragment';
  if (uri.includes('*')) return 'must not have a wildcard';
  if (uri.endsWith('?')) return 'must not have an empty query';
  return null;
}

function objectionToUrl(
  uri: string,
  applicationType: ApplicationType,
  nativeSchemes: readonly string[],
): Objection | null {
  const url = URL.parse(uri);
  if (!url) return 'is no absolute address';
  if (authorityOf(uri).includes('@')) return 'must not name a user';
  // Upper case, default ports, dot segments, missing slashes and odd spellings of IP addresses all end here.
  if (uri !== url.href && `${uri}/` !== url.href) return `must be written in its normal form, ${url.href}`;
  const repeated = [...url.searchParams.keys()].find((name) => responseParameters.has(name));
  if (repeated) return `must not have the query parameter ${repeated}, which is part of the response`;
  if (url.port === '0') return 'must not name port 0, at which nothing listens';
  if (url.host !== '' && url.hostname.split('.').includes('')) return 'has an empty part in its host name';
  if (url.host !== '' && !hostText.test(url.hostname)) return 'holds characters that no host name has';
  switch (url.protocol) {
    case 'https:':
      return objectionToHttps(url, applicationType);
    case 'http:':
      return objectionToHttp(url, applicationType);
    default:
      return objectionToScheme(url, applicationType, nativeSchemes);
  }
}

function objectionToHttps({ hostname }: URL, applicationType: ApplicationType): Objection | null {
  if (applicationType === 'native' && isLoopback(hostname)) return 'must use http on a loopback address';
  return null;
}

function objectionToHttp({ hostname }: URL, applicationType: ApplicationType): Objection | null {
  if (applicationType === 'web')
    return isLoopback(hostname) ? null : 'must begin with https://, unless its host is this machine';
  if (loopbackHosts.has(hostname)) return null;
  return 'must use http://127.0.0.1, http://[::1] or http://localhost for this machine, or https:// for a claimed address';
}

function objectionToScheme(
  { protocol }: URL,
  applicationType: ApplicationType,
  nativeSchemes: readonly string[],
): Objection | null {
  if (applicationType === 'web') return 'must begin with https://';
  const scheme = protocol.slice(0, -1);
  if (isDangerousScheme(scheme)) return `must not use the scheme ${scheme}`;
  if (privateUseScheme.test(protocol) || nativeSchemes.includes(scheme)) return null;
  return 'must use a scheme with a dot, such as com.example.app:/signed-in, or one that the setting oidc.nativeSchemes names';
}

/** The part between "//" and the path; an empty user name is invisible in a parsed URL. */
function authorityOf(uri: string): string {
  return /^[^:]*:\/\/([^/?#]*)/.exec(uri)?.[1] ?? '';
}
