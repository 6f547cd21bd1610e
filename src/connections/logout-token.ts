/** OpenID Connect Back-Channel Logout 1.0 §2.4 and §2.6: what a logout token must say. It is loaded by the first one that comes. */
import { createRemoteJWKSet, customFetch, decodeJwt, type FetchImplementation, jwtVerify } from 'jose';
import type { Clock } from '#kernel/clock.ts';
import { LOGOUT_CLOCK_SKEW, LONGEST_IDENTIFIER, OLDEST_LOGOUT_TOKEN, UPSTREAM_TIMEOUT } from './limits.ts';

/** The session that ended at the provider. */
export type LoggedOut = {
  issuer: string;
  /** Null where the provider names the session alone. */
  subject: string | null;
  /** `sid`; null for every session of the subject. */
  session: string | null;
  jti: string;
};

type Expected = {
  issuer: string;
  clientId: string;
  algorithms: readonly string[];
  keys: ReturnType<typeof keysAt>;
  clock: Clock;
};

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** §2.4: a provider should say the first one. */
const types: ReadonlySet<string | undefined> = new Set(['logout+jwt', 'jwt', undefined]);

/** The keys of a provider. They are read when a token needs them, and again for a key that is not known, at most each half minute. */
export const keysAt = (address: string, fetch: FetchImplementation) =>
  createRemoteJWKSet(new URL(address), { [customFetch]: fetch, timeoutDuration: UPSTREAM_TIMEOUT });

/** Throws for a token that is not good. The keys come last, so that a text of a stranger does not make this node ask for them. */
export async function readLogoutToken(token: string, expected: Expected): Promise<LoggedOut> {
  const { issuer, clientId, algorithms, keys, clock } = expected;
  const told = decodeJwt(token);
  requireLogout(told);
  if (told.iss !== issuer || ![told.aud].flat().includes(clientId)) throw new Error('the token is for another client');
  const { payload, protectedHeader } = await jwtVerify(token, keys, {
    issuer,
    audience: clientId,
    algorithms: algorithms.filter((algorithm) => !algorithm.startsWith('HS')),
    currentDate: clock.now(),
    clockTolerance: LOGOUT_CLOCK_SKEW,
    maxTokenAge: OLDEST_LOGOUT_TOKEN,
    requiredClaims: ['iss', 'aud', 'iat', 'jti', 'events'],
  });
  if (!types.has(protectedHeader.typ?.toLowerCase())) throw new Error('the token is of another type');
  const { subject, session, jti } = requireLogout(payload);
  return { issuer, subject, session, jti };
}

function requireLogout(claims: Readonly<Record<string, unknown>>): Omit<LoggedOut, 'issuer'> {
  const { events, sub = null, sid = null, jti } = claims;
  const event = typeof events === 'object' && events !== null ? (events as Record<string, unknown>)[EVENT] : null;
  if (typeof event !== 'object' || event === null) throw new Error('the token is about no sign-out');
  // An ID token has one; it must not pass for a logout token.
  if ('nonce' in claims) throw new Error('a logout token has no nonce');
  if (!isIdentifier(jti)) throw new Error('the token has no identifier');
  if (!isIdentifierOrNone(sub) || !isIdentifierOrNone(sid) || (sub === null && sid === null))
    throw new Error('the token names no session');
  return { subject: sub, session: sid, jti };
}

const isIdentifier = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= LONGEST_IDENTIFIER;
const isIdentifierOrNone = (value: unknown): value is string | null => value === null || isIdentifier(value);
