import { decodeProtectedHeader } from 'jose';
import type { Client, KoaContextWithOIDC } from 'oidc-provider';
import type { State } from '#kernel/http/context.ts';
import { LEVELS, type Level, levelOf } from '../levels.ts';
import type { Spared } from './organization-demands.ts';

/** How a token or a code came to be, as far as nothing else in it says so. Older ones have none. */
export type Origin = {
  /** How strongly the client authenticated. */
  authentication?: number | undefined;
  /** How strongly the user signed in. */
  level?: Level | undefined;
  isPushed?: boolean | undefined;
  isSigned?: boolean | undefined;
  /** The organization that it is for. */
  organization?: string | undefined;
  /** The rest of the sign-in, for the demands of organizations: only where a refresh token can come of it. */
  signIn?:
    | { ip: string; spared?: Spared | undefined; connection?: string | undefined; isRemembered: boolean }
    | undefined;
};

/** Tokens that live too short to be held against a policy again. */
const shortLived: ReadonlySet<string> = new Set(['AccessToken', 'ClientCredentials']);

/** The engine's models that an origin is kept with. */
export const originKinds = [
  'AccessToken',
  'ClientCredentials',
  'RefreshToken',
  'AuthorizationCode',
  'DeviceCode',
] as const;

/** Finds the organization of a new token or code; `from`: the organization of the code or the refresh token before it. */
type IssuedOrganizations = {
  ofIssue(ctx: KoaContextWithOIDC, kind: string, from: string | undefined): Promise<string | undefined>;
};

type Source = { origin?: Origin | undefined };

const strengths: Readonly<Record<string, number>> = {
  none: 0,
  client_secret_basic: 1,
  client_secret_post: 1,
  client_secret_jwt: 2,
  private_key_jwt: 3,
  tls_client_auth: 3,
  self_signed_tls_client_auth: 3,
};

/** A higher number is a stronger method; methods of the same strength may take each other's place. */
export const authenticationStrength = ({ clientAuthMethod }: Pick<Client, 'clientAuthMethod'>): number =>
  strengths[clientAuthMethod ?? ''] ?? 0;

/** The circumstances of the current issue: client authentication, level of the sign-in, kind of request, organization. */
export async function originIn(
  ctx: KoaContextWithOIDC,
  kind: string,
  organizations: IssuedOrganizations,
): Promise<Origin> {
  const { client, entities, route, session } = ctx.oidc;
  const source = (entities.AuthorizationCode ??
    entities.DeviceCode ??
    entities.RotatedRefreshToken ??
    entities.RefreshToken) as Source | undefined;
  const level = source?.origin?.level ?? levelOf(session?.['acr']) ?? undefined;
  const signIn = shortLived.has(kind) ? undefined : (source?.origin?.signIn ?? signInOf(ctx));
  const organization = await organizations.ofIssue(ctx, kind, source?.origin?.organization);
  return {
    ...(organization === undefined ? {} : { organization }),
    ...(level === undefined ? {} : { level }),
    ...(signIn === undefined ? {} : { signIn }),
    ...(route === 'token' && client ? { authentication: authenticationStrength(client) } : {}),
    ...(kind === 'AuthorizationCode' ? await requestOf(ctx) : {}),
  };
}

/** Of the session in this browser; undefined where the client itself asks. */
function signInOf(ctx: KoaContextWithOIDC): Origin['signIn'] {
  const { session, route, result } = ctx.oidc;
  if (session?.accountId === undefined || route === 'token') return undefined;
  const kept = session as { spared?: Spared; connection?: string };
  const { spared, connection } = { ...kept, ...(result?.['level'] as { spared?: Spared } | undefined) };
  const { ip } = (ctx as unknown as { state: State }).state;
  return {
    ip,
    ...(spared === undefined ? {} : { spared }),
    ...(connection === undefined ? {} : { connection }),
    isRemembered: session.transient !== true,
  };
}

/** Whether the authorization request was pushed, and whether the client signed it. */
async function requestOf({ oidc }: KoaContextWithOIDC): Promise<Pick<Origin, 'isPushed' | 'isSigned'>> {
  const { PushedAuthorizationRequest: found, Interaction: interaction } = oidc.entities;
  const id = (interaction as { parJti?: string } | undefined)?.parJti;
  if (!found && id === undefined)
    return { isPushed: false, isSigned: ((oidc as { trusted?: readonly string[] }).trusted?.length ?? 0) > 0 };
  const { PushedAuthorizationRequest } = oidc.provider;
  const pushed = found ?? (await PushedAuthorizationRequest.find(id!, { ignoreExpiration: true }));
  // A sign-in may take longer than a pushed request is kept.
  if (!pushed) return { isPushed: true };
  return { isPushed: true, isSigned: decodeProtectedHeader(pushed.request).alg !== 'none' };
}

const letters: Readonly<Record<string, string>> = {
  a: 'authorization_code',
  c: 'client_credentials',
  d: 'device_code',
  i: 'implicit',
  r: 'refresh_token',
};

/** A JWT is not stored: its grant types and its origin stand in its `jti`, as short text. */
export function writeOrigin({ gty, origin = {} }: { gty?: string | undefined; origin?: Origin | undefined }): string {
  const types = (gty ?? '').split(' ').map((type) => Object.keys(letters).find((letter) => letters[letter] === type));
  return `${types.join('')}-${origin.authentication ?? ''}-${origin.level ?? ''}`;
}

/** Reads grant types and circumstances of issue from the text in a `jti`; empty without them. */
export function readOrigin(text: string): { gty?: string | undefined; origin?: Origin | undefined } {
  const [, types = '', authentication, level] = /^([acdir]*)-(\d?)-(\d?)$/.exec(text) ?? [];
  if (authentication === undefined) return {};
  return {
    ...(types === '' ? {} : { gty: [...types].map((letter) => letters[letter]).join(' ') }),
    origin: {
      ...(authentication === '' ? {} : { authentication: Number(authentication) }),
      level: LEVELS.find((known) => String(known) === level),
    },
  };
}
