/**
 * The one module that sets cookies of ours (the engine sets its own). Every one is out of reach of scripts, goes to this
 * host alone, and on https bears the `__Host-` prefix, which browsers refuse to any sibling domain that would plant one
 * (draft-ietf-httpbis-rfc6265bis §4.1.3.2). Plain names exist for an http issuer on loopback only.
 */
import { sha256 } from '../crypto.ts';
import { basePathOf, issuerOf } from '../issuer.ts';

export type BrowserCookie = {
  readonly name: string;
  read(ctx: CookieContext): string | undefined;
  write(ctx: CookieContext, value: string): void;
  clear(ctx: CookieContext): void;
};

type CookieContext = {
  cookies: {
    get(name: string, options: { signed: false }): string | undefined;
    set(name: string, value: string | null, options: Attributes): unknown;
  };
};

type Attributes = {
  httpOnly: true;
  sameSite: 'lax' | 'strict' | 'none';
  path: '/';
  secure: boolean;
  overwrite: true;
  signed: false;
  maxAge?: number;
};

type CookieOptions = {
  /** Milliseconds; without it the cookie ends with the browser's session. */
  maxAge?: number;
  /** `lax` unless said otherwise: a `strict` one would be missing when a relying party sends the browser here. */
  sameSite?: 'lax' | 'strict';
};

/**
 * One cookie for the whole host, with the prefix `__Host-` on https. Values are sent as given: sign or encrypt them
 * before.
 */
export function browserCookie(
  issuer: URL,
  label: string,
  { maxAge, sameSite = 'lax' }: CookieOptions = {},
): BrowserCookie {
  const name = cookieName(issuer, label);
  const attributes = attributesOf(issuer, sameSite);
  return {
    name,
    read: (ctx) => ctx.cookies.get(name, { signed: false }),
    write: (ctx, value) => ctx.cookies.set(name, value, maxAge === undefined ? attributes : { ...attributes, maxAge }),
    clear: (ctx) => ctx.cookies.set(name, null, attributes),
  };
}

/** Cookies of one kind, one for each member: answers that are written at once do not overwrite one another's. */
export type BrowserCookies = {
  /** All that came, as member and value, in the order of the header. A name may come twice where it has no prefix. */
  readAll(ctx: { req: { headers: { cookie?: string | undefined } } }): readonly (readonly [string, string])[];
  /** `member` becomes a part of the name: letters, digits, `-` and `_`. */
  write(ctx: CookieContext, member: string, value: string): void;
  clear(ctx: CookieContext, member: string): void;
};

/** A family of cookies with one name prefix, each with its own suffix, for example one for each open link. */
export function browserCookies(
  issuer: URL,
  label: string,
  { maxAge }: Pick<CookieOptions, 'maxAge'> = {},
): BrowserCookies {
  const prefix = `${cookieName(issuer, label)}-`;
  const attributes = attributesOf(issuer, 'lax');
  return {
    // Read from the header: the library keeps a pattern for each name that it was ever asked for.
    readAll: ({ req }) =>
      (req.headers.cookie ?? '').split(';').flatMap((pair) => {
        const [, member, value] = /^ *([^=]*)=(.*)$/.exec(pair) ?? [];
        return member?.startsWith(prefix) && value !== undefined ? [[member.slice(prefix.length), value] as const] : [];
      }),
    write: (ctx, member, value) =>
      ctx.cookies.set(`${prefix}${member}`, value, maxAge === undefined ? attributes : { ...attributes, maxAge }),
    clear: (ctx, member) => ctx.cookies.set(`${prefix}${member}`, null, attributes),
  };
}

/**
 * The name of a cookie of this instance. Every cookie of ours is for the whole host, so the names of an issuer with a path say whose
 * they are: two instances below one host do not disturb each other.
 *
 * @param prefix RFC 6265bis §4.1.3; none on plain http, where browsers refuse it
 */
export function cookieName(issuer: URL, label: string, prefix: '__Host-' | '__Secure-' = '__Host-'): string {
  const owner = basePathOf(issuer) === '' ? '' : `${sha256(issuerOf(issuer)).toString('hex').slice(0, 8)}-`;
  return `${issuer.protocol === 'https:' ? prefix : ''}latchkey-${owner}${label}`;
}

const attributesOf = ({ protocol }: URL, sameSite: Attributes['sameSite']): Attributes => ({
  httpOnly: true,
  sameSite,
  path: '/',
  secure: protocol === 'https:',
  overwrite: true,
  signed: false,
});
