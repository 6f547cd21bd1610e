/**
 * The public address of this instance: the issuer, which may have a path (RFC 8414 §2), and the origins that are only other
 * names of its host. Which URLs are this instance's is answered here and nowhere else.
 */
import { isIP } from 'node:net';
import { z } from 'zod';

export type OwnAddress = Readonly<{
  issuerUrl: URL;
  /** Origins of ISSUER_ALIASES. */
  issuerAliases: readonly string[];
}>;

/** Segments that every proxy, router and cookie reads in one way: nothing escaped, none that begins with a dot, none empty. */
const PLAIN_PATH = /^(\/[\w~-][\w.~-]*)*$/;

/** Whether a host name or IP literal means this machine (RFC 6761 §6.3, 127.0.0.0/8, ::1). */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    (isIP(hostname) === 4 && hostname.startsWith('127.'))
  );
}

/**
 * The issuer as its operator writes it. A slash at the end is taken off, because RFC 8414 §3.1 and OpenID Connect Discovery §4
 * take it off as well before they build an address from it.
 */
export const issuerAddress = z.string().transform((text, issues): URL => {
  const problem = problemOf(text);
  if (problem === null) return new URL(text.replace(/\/$/, ''));
  issues.addIssue(problem);
  return z.NEVER;
});

/** Origins, separated by commas. */
export const issuerAliases = z.string().transform((text, issues): readonly string[] => {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
  for (const item of items) {
    const problem = problemOf(item) ?? (pathOf(item) === '' ? null : 'must be origins without a path');
    if (problem !== null) issues.addIssue(`${problem}: ${item}`);
  }
  return issues.issues.length > 0 ? z.NEVER : items.map((item) => new URL(item).origin);
});

function problemOf(text: string): string | null {
  const url = URL.parse(text);
  if (url === null || !/^https?:\/\//i.test(text)) return 'must be a URL that begins with https:// or http://';
  if (url.search || url.hash || url.username || url.password || /[?#@]/.test(text))
    return 'must have no query, fragment or user';
  if (url.hostname.includes('*')) return 'must name one host';
  if (!PLAIN_PATH.test(pathOf(text)))
    return 'must have a path of plain segments, such as /id: letters, digits, ".", "_", "~" and "-"';
  if (url.protocol !== 'https:' && !isLoopback(url.hostname))
    return 'must begin with https:// unless its host is loopback; put TLS in front, or set TLS_CERT and TLS_KEY';
  return null;
}

/** The path as it was written, which a parser would already have resolved, without a slash at its end. */
const pathOf = (text: string): string => text.replace(/^https?:\/\/[^/\\]*/i, '').replace(/\/$/, '');

/** The fault of the aliases of this issuer, for a `ConfigError`; null if there is none. */
export function aliasProblem({ issuerUrl, issuerAliases: aliases }: OwnAddress): string | null {
  const other = aliases.find((alias) => new URL(alias).protocol !== issuerUrl.protocol);
  // Cookies and HSTS depend on the scheme, and every link leads to the issuer.
  if (other !== undefined) return `must begin with ${issuerUrl.protocol}// as ISSUER does: ${other}`;
  const twice = aliases.find((alias, i) => alias === issuerUrl.origin || aliases.indexOf(alias) !== i);
  return twice === undefined ? null : `must name each origin once, and not the origin of ISSUER: ${twice}`;
}

/** The path below which everything of this instance is: empty for an issuer without a path, never with a slash at its end. */
export const basePathOf = ({ pathname }: URL): string => (pathname === '/' ? '' : pathname);

/** The issuer identifier (OpenID Connect Core §2), without a slash at its end. */
export const issuerOf = (issuerUrl: URL): string => `${issuerUrl.origin}${basePathOf(issuerUrl)}`;

/** Every URL by which a path of this instance can be called: at the issuer first, then at each alias. */
export function ownUrls({ issuerUrl, issuerAliases: aliases }: OwnAddress, path: string): readonly string[] {
  const ownPath = `${basePathOf(issuerUrl)}${path}`;
  return [issuerUrl.origin, ...aliases].map((origin) => `${origin}${ownPath}`);
}

/** Whether a server of another party may have this URL: https, or this machine during development. */
export function isWebAddress(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '' || /[#\s]/.test(text)) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}
