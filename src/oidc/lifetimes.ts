import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { type Clock, DAY, epochSeconds, HOUR, MINUTE, SECOND } from '#kernel/clock.ts';
import { LATELY } from './sessions/limits.ts';
import { sessionSeconds } from './sessions/remember-me.ts';
import { instance, type Policies, type Policy, type PolicySubject } from '#settings/module.ts';
import { isFapi } from './profiles.ts';

/** RFC 6749 §4.1.2 allows 10 minutes, FAPI 2.0 §5.3.2.1 one. */
const AUTHORIZATION_CODE = MINUTE / SECOND;
/** RFC 8628 §3.2: long enough to walk to another device, short enough against guessing. */
const DEVICE_CODE = (10 * MINUTE) / SECOND;
/** Milliseconds: a sign-in that stands open longer than this is begun again. */
export const SIGN_IN_LIFETIME = 15 * MINUTE;
/** The page about a device can say for this long what became of it: its code is good for half of it. */
export const SHOWN_DEVICE_KNOWN_FOR = 20 * MINUTE;
/** A token of a machine is short: nothing of a user ends it sooner, and a machine can ask for the next one by itself. */
const CLIENT_CREDENTIALS = (10 * MINUTE) / SECOND;
/**
 * A JWT cannot be ended where it is verified by its signature alone. A user who is removed from an organization must not act in its
 * name for longer than this.
 */
const LONGEST_ORGANIZATION_JWT = (10 * MINUTE) / SECOND;
/** Seconds: the proof in a sign-in is as fresh as the one that a change of an account asks for. */
export const FRESH_PROOF = LATELY;
/** A lifetime is positive, so what has no time left gets the shortest. */
const LEAST = 1;
/** Seconds. RFC 9449 §11.1: without a nonce of ours a proof counts only while it is fresh. */
export const DPOP_PROOF_LIFETIME = MINUTE / SECOND;
/** Seconds that `exp` of a client assertion may lie ahead: libraries ask for up to an hour, and its `jti` is remembered as long. */
export const LONGEST_ASSERTION_LIFE = HOUR / SECOND;
/** The same for clients of FAPI 2.0: little to steal. */
export const LONGEST_STRICT_ASSERTION_LIFE = (5 * MINUTE) / SECOND;
/** Seconds. FAPI 2.0 Message Signing §5.3.1: how long a signed request may be good for, and how old it may be. */
export const LONGEST_REQUEST_OBJECT_LIFE = (60 * MINUTE) / SECOND;
/** A revoked grant keeps its mark, in every store, until no token that was on its way can come back. */
export const KEEP_REVOKED = DAY;
/** Milliseconds. A revocation must show on every node within a second. */
export const FOUND_FRESH_FOR = 500;
/** Milliseconds. A check may rest on a token that was found `FOUND_FRESH_FOR` ago, and both together stay below that second. */
export const CHECK_FRESH_FOR = 250;
/** The mark of an end is kept longer than the lifetime of any artifact in Redis. */
export const KEEP_ENDED = 2 * DAY;
/** Seconds: an artifact without a lifetime of its own (an initial access token may have none) is kept ten years. */
export const NO_EXPIRY = (10 * 365 * DAY) / SECOND;
/** A sign-in that ended is known as long as its page can say what became of it. */
export const GONE_SIGN_IN_KNOWN_FOR = HOUR;

/** Seconds that each artifact lives. */
export function lifetimes(clock: Clock, policies: Policies<'oidc' | 'session'>): NonNullable<Configuration['ttl']> {
  return {
    AuthorizationCode: AUTHORIZATION_CODE,
    DeviceCode: DEVICE_CODE,
    Interaction: SIGN_IN_LIFETIME / SECOND,
    IdToken: (_ctx, _token, client) => policies.for({ client: client.clientId }).oidc.idTokenSeconds,
    AccessToken: (_ctx, token) =>
      lifeForApi(token, token.resourceServer) ?? policies.for(holderOf(token)).oidc.accessTokenSeconds,
    ClientCredentials: (_ctx, token) => lifeForApi(token, token.resourceServer) ?? CLIENT_CREDENTIALS,
    RefreshToken(_ctx, token, client) {
      const { oidc } = policies.for(holderOf(token));
      return Math.max(LEAST, refreshSeconds({ iat: epochSeconds(clock), iiat: token.iiat }, oidc, isFapi(client)));
    },
    /** A grant outlives every token that refers to it. */
    Grant: (_ctx, grant) => policies.for(holderOf(grant)).oidc.refreshAbsoluteSeconds + DAY / SECOND,
    /** Idle time, but never beyond the absolute life that began when the user proved who they are. */
    Session(_ctx: KoaContextWithOIDC, session) {
      return sessionSeconds(policies.for(holderOf(session)).session, session, epochSeconds(clock));
    },
  };
}

type Held = { accountId?: string | undefined; clientId?: string | undefined };

/** A session is of no one client, and of no user before they signed in. */
function holderOf({ accountId: user, clientId: client }: Held): PolicySubject {
  if (client !== undefined) return { user, client };
  return user === undefined ? instance : { user };
}

type Originating = { origin?: { organization?: string | undefined } | undefined };

/** Seconds that an access token for an API lives; undefined for one that is for none. */
function lifeForApi(
  token: object,
  api: { accessTokenTTL?: number | undefined; accessTokenFormat?: string | undefined } | undefined,
): number | undefined {
  const { accessTokenTTL: seconds, accessTokenFormat: tokenFormat } = api ?? {};
  return seconds === undefined ? undefined : ofOrganization(seconds, token, tokenFormat);
}

const ofOrganization = (seconds: number, { origin }: Originating, tokenFormat: string | undefined): number =>
  origin?.organization !== undefined && tokenFormat === 'jwt' ? Math.min(seconds, LONGEST_ORGANIZATION_JWT) : seconds;

export type IssuedLife = Originating & { kind: string; iat?: number | undefined; iiat?: number | undefined };
type TokenLifetimes = Pick<Policy<'oidc'>, 'accessTokenSeconds' | 'refreshIdleSeconds' | 'refreshAbsoluteSeconds'>;

/** How long a token may live at most, counted from `iat`, by the policies and the API as they are now; null without a limit. */
export function lengthOfLife(
  issued: IssuedLife,
  lifetimes: TokenLifetimes,
  { isFapi, api }: { isFapi: boolean; api: { accessTokenSeconds: number; tokenFormat: 'jwt' | 'opaque' } | null },
): number | null {
  const { kind, iat = 0, iiat } = issued;
  const forApi = api === null ? null : ofOrganization(api.accessTokenSeconds, issued, api.tokenFormat);
  switch (kind) {
    case 'AccessToken':
      return forApi ?? lifetimes.accessTokenSeconds;
    case 'ClientCredentials':
      return forApi ?? CLIENT_CREDENTIALS;
    case 'RefreshToken':
      return refreshSeconds({ iat, iiat }, lifetimes, isFapi);
    default:
      return null;
  }
}

/**
 * Idle time since the last rotation, but never beyond the absolute life that began with the first token of the family.
 * One that is not rotated does not begin again with each use, so it has the absolute life alone.
 */
function refreshSeconds(
  { iat, iiat = iat }: { iat: number; iiat: number | undefined },
  { refreshIdleSeconds, refreshAbsoluteSeconds }: TokenLifetimes,
  isFapiClient: boolean,
): number {
  const left = iiat + refreshAbsoluteSeconds - iat;
  return isFapiClient ? left : Math.min(refreshIdleSeconds, left);
}
