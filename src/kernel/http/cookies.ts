/**
 * The one module that sets cookies of ours (the engine sets its own). Every one is out of reach of scripts, goes to this
 * host alone, and on https bears the `__Host-` prefix, which browsers refuse to any sibling domain that would plant one
 * (draft-ietf-httpbis-rfc6265bis §4.1.3.2). Plain names exist for an http issuer on loopback only.
 */
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

export function browserCookie(
  issuer: URL,
  label: string,
  { maxAge, sameSite = 'lax' }: CookieOptions = {},
): BrowserCookie {
  const secure = issuer.protocol === 'https:';
  const name = `${secure ? '__Host-' : ''}latchkey-${label}`;
  const attributes: Attributes = { httpOnly: true, sameSite, path: '/', secure, overwrite: true, signed: false };
  return {
    name,
    read: (ctx) => ctx.cookies.get(name, { signed: false }),
    write: (ctx, value) => ctx.cookies.set(name, value, maxAge === undefined ? attributes : { ...attributes, maxAge }),
    clear: (ctx) => ctx.cookies.set(name, null, attributes),
  };
}
