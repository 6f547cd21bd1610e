import { type Client, errors, type Grant, Provider } from 'oidc-provider';
import { ownMember } from '#applications/clients/module.ts';
import { type Clock, epochSeconds } from '#kernel/clock.ts';
import type { Policies } from '#settings/module.ts';
import type { Handles } from '../artifacts/handles.ts';
import { noteRefusedRefresh } from '../engine-events.ts';
import type { Engine } from '../engine.ts';
import { levelOf } from '../levels.ts';
import { isFapi, isPkceRequired } from '../profiles.ts';
import { CERTIFICATE_BOUND_MEMBER } from '../registration/registration-policy.ts';
import { usageOf } from '../organizations/asked-organization.ts';
import type { OrganizationClaims } from '../organizations/organization-claims.ts';
import type { OrganizationRequests } from '../organizations/organization-requests.ts';
import type { OrganizationStore } from '../organizations/organization-store.ts';
import type { ApiStore } from '../resources.ts';
import { words } from './authority.ts';
import { type CurrentAuthority, heldBy } from './current-authority.ts';
import { unbound } from './demands.ts';
import { API_ROUTE, authorityOn, findClient, type FindGrant, route, uses } from './grant-worth.ts';
import { noteRefusalNow } from '../refusals.ts';
import { authenticationStrength } from './origin.ts';
import { type Circumstances, type Issued, type Verdict, verdictOn } from './verdict.ts';

export type EnforcementDependencies = {
  clock: Clock;
  authority: CurrentAuthority;
  apis: Pick<ApiStore, 'findForClient'>;
  isActive: (accountId: string) => Promise<boolean>;
  /** A JWT knows its grant by a handle, a session by its id. */
  handles: Pick<Handles, 'hashOf'>;
  /** The names of the sessions of a user. */
  sessionsOf: (accountId: string) => Promise<readonly string[]>;
  policies: Policies<'oidc'>;
  organizations: Pick<OrganizationStore, 'findFor'>;
  organizationRequests: Pick<OrganizationRequests, 'checkRefresh' | 'unmetBy'>;
  organizationClaims: Pick<OrganizationClaims, 'ofToken'>;
};

export type Shown = Issued & {
  clientId?: string | undefined;
  accountId?: string | undefined;
  grantId?: string | undefined;
  acr?: string | undefined;
  amr?: readonly string[] | undefined;
  authTime?: number | undefined;
  nonce?: string | undefined;
  sessionUid?: string | undefined;
  expiresWithSession?: boolean | undefined;
  consumed?: unknown;
  isExpired: boolean;
  /** Members that an answer of introspection says, too. */
  extra?: Record<string, unknown> | undefined;
};

/** The present authority of a presented token or code; undefined, or an engine error, if it is invalid. */
export async function judged(engine: Engine, shown: Shown, deps: EnforcementDependencies): Promise<Shown | undefined> {
  try {
    return await judge(engine, shown, deps);
  } catch (error) {
    if (shown.kind === 'RefreshToken' && route() === 'token' && error instanceof errors.OIDCProviderError)
      noteRefusedRefresh(shown, error);
    throw error;
  }
}

async function judge(engine: Engine, shown: Shown, deps: EnforcementDependencies): Promise<Shown | undefined> {
  const where = route();
  if (!uses.has(where) || isDecided(shown)) return shown;
  const verdict = await judgementOn(engine, shown, deps);
  if (!verdict.holds) return refuse(where, verdict.reason);
  if (await isOrphan(engine, shown, deps))
    return refuse(where, 'it outlived its session by offline_access, which is gone');
  const unmet =
    shown.kind === 'RefreshToken' && where !== 'token' ? await deps.organizationRequests.unmetBy(shown) : null;
  if (unmet !== null) return refuse(where, unmet);
  if (where === 'introspection') await tellRights(shown, deps);
  if (shown.kind === 'RefreshToken' && where === 'token' && Provider.ctx)
    await deps.organizationRequests.checkRefresh(Provider.ctx, shown);
  // A stored artifact must keep its original rights: at the token endpoint only the grant is narrowed.
  if (where !== 'token') Object.assign(shown, { scope: verdict.scope, exp: verdict.exp });
  return shown;
}

/** The roles and permissions of the answer are the present ones, not those at the issue. */
async function tellRights(shown: Shown, { organizationClaims }: EnforcementDependencies): Promise<void> {
  const { clientId = '', accountId, origin, aud: audience } = shown;
  const token = { acting: { clientId, accountId }, organization: origin?.organization ?? null, audience };
  const told = await organizationClaims.ofToken(token, Provider.ctx?.oidc.client?.clientId ?? '');
  if (Object.keys(told).length > 0) shown.extra = { ...shown.extra, ...told };
}

/** Throws for a token that would be invalid: by the front channel, or if no certificate can arrive. */
export function requireBound(issued: Issued, client: Client): void {
  const unmet = unbound(issued, demandsOf(client));
  if (unmet !== null) throw new errors.InvalidRequest(unmet);
}

/** Where a token is used without the claims of its user. */
const readsNoAccount: ReadonlySet<string> = new Set(['introspection', API_ROUTE]);

/** Artifacts that the engine must see to refuse them itself: a replay ends the grant. */
function isDecided({ kind, accountId, consumed, isExpired }: Shown): boolean {
  return consumed !== undefined || isExpired || (kind === 'DeviceCode' && accountId === undefined);
}

/**
 * A token that `offline_access` kept alive without its session is worth no more than the session when that scope is taken. A JWT names
 * no session: any session with its grant will do.
 */
async function isOrphan(engine: Engine, shown: Shown, deps: EnforcementDependencies): Promise<boolean> {
  const { kind, clientId = '', accountId, grantId = '', sessionUid, expiresWithSession, jwtAlg } = shown;
  const isOfSession = sessionUid !== undefined || jwtAlg !== undefined;
  if (kind !== 'AccessToken' || expiresWithSession || accountId === undefined || !isOfSession) return false;
  const grant = await engine.Grant.find(grantId, { ignoreExpiration: true });
  if (grant && words(grant.getOIDCScope()).includes('offline_access')) return false;
  if (sessionUid === undefined && !(grant && words(grantedScope(grant)).includes('offline_access'))) return false;
  const holds = async (uid: string): Promise<boolean> => {
    const session = await engine.Session.findByUid(uid);
    const held = session?.accountId === accountId ? session.grantIdFor(clientId) : undefined;
    return held !== undefined && deps.handles.hashOf(held).equals(deps.handles.hashOf(grantId));
  };
  const uids = sessionUid === undefined ? await deps.sessionsOf(accountId) : [sessionUid];
  return !(await Promise.all(uids.map(holds))).includes(true);
}

/** As it was granted, whatever is left of it. */
const grantedScope = (grant: Grant): string => (Object.getPrototypeOf(grant) as Grant).getOIDCScope.call(grant);

/** The caller hears what it hears about a made-up token; the reason is for the log. */
function refuse(where: string, reason: string): undefined {
  noteRefusalNow(reason);
  if (where === 'token') throw new errors.InvalidGrant(reason);
  if (where === 'userinfo' || where === API_ROUTE) throw new errors.InvalidToken(reason);
  return undefined;
}

async function judgementOn(engine: Engine, shown: Shown, deps: EnforcementDependencies): Promise<Verdict> {
  const { clientId = '', accountId, grantId, aud, origin } = shown;
  const client = await findClient(engine, clientId);
  if (!client) return { holds: false, reason: 'the client is gone, disabled or not usable' };
  // Elsewhere the engine reads the account itself.
  if (readsNoAccount.has(route()) && accountId !== undefined && !(await deps.isActive(accountId)))
    return { holds: false, reason: 'the account is gone or disabled' };
  const resources = [aud ?? [], shown.resource ?? []].flat();
  const { find } = engine.Grant as unknown as { find: FindGrant };
  const grant = grantId === undefined ? null : await find(grantId, { ignoreExpiration: true, resources });
  if (grant === undefined) return { holds: false, reason: 'its grant is over' };
  const isOfGrant = grant !== null && grant.clientId === clientId && grant.accountId === accountId;
  const authority =
    (isOfGrant ? authorityOn(grant) : undefined) ?? (await deps.authority.of(client, accountId, resources));
  if (grant !== null && route() === 'token') requireTarget(shown, grant);
  const { oidc } = deps.policies.for({ user: accountId, client: clientId });
  const verdict = verdictOn(
    { ...membersOf(shown), level: levelOf(shown.acr) },
    {
      client: demandsOf(client),
      held: grant === null ? authority : heldBy(grant, authority),
      api: aud === undefined ? null : await deps.apis.findForClient(aud, clientId),
      memberSince:
        origin?.organization === undefined ? undefined : await sinceOf(shown, client, origin.organization, deps),
      lifetimes: oidc,
      isPkceRequired: isPkceRequired(client, oidc, {
        nonce: shown.nonce,
        scope: shown.scope,
        isPushed: shown.origin?.isPushed,
      }),
    },
  );
  if (verdict.holds && verdict.exp !== undefined && verdict.exp <= epochSeconds(deps.clock))
    return { holds: false, reason: 'it is older than tokens may be now' };
  return verdict;
}

/** Since when the organization is open to the user or the client; null where it is closed to them, or the client may not ask for any. */
async function sinceOf(
  { clientId = '', accountId }: Shown,
  client: Client,
  organization: string,
  { organizations }: EnforcementDependencies,
): Promise<number | null> {
  if (usageOf(client) === 'deny') return null;
  return (await organizations.findFor({ clientId, accountId }, organization))?.since ?? null;
}

function membersOf(shown: Shown): Issued {
  const { kind, aud, jkt, redirectUri, codeChallenge, origin, jwtAlg, iat, iiat, exp, scope, resource, gty } = shown;
  const certificate = shown['x5t#S256'];
  return {
    kind,
    aud,
    jkt,
    'x5t#S256': certificate,
    redirectUri,
    codeChallenge,
    origin,
    jwtAlg,
    iat,
    iiat,
    exp,
    scope,
    resource,
    gty,
  };
}

function demandsOf(client: Client): Circumstances['client'] {
  return {
    dpopBoundAccessTokens: client.dpopBoundAccessTokens,
    tlsClientCertificateBoundAccessTokens:
      client.tlsClientCertificateBoundAccessTokens ?? client[CERTIFICATE_BOUND_MEMBER] === true,
    requirePushedAuthorizationRequests: client.requirePushedAuthorizationRequests,
    requireSignedRequestObject: client['requireSignedRequestObject'] === true,
    isPublic: client.clientAuthMethod === 'none',
    isFapi: isFapi(client),
    authenticationStrength: authenticationStrength(client),
    minimumLevel: levelOf(ownMember(client, 'minimum_acr')),
    redirectUriAllowed: (uri) => client.redirectUriAllowed(uri),
    grantTypeAllowed: (type) => client.grantTypeAllowed(type),
  };
}

/**
 * The API that a request at the token endpoint names (RFC 8707 §2.2), before anything is consumed: the engine would look at
 * it after that. Otherwise an API without any remaining granted scope would still accept a token without a
 * scope.
 */
function requireTarget({ resource }: Shown, grant: Grant): void {
  const asked = Provider.ctx?.oidc.params?.['resource'];
  if (typeof asked !== 'string') return;
  const { getResourceScope } = Object.getPrototypeOf(grant) as Grant;
  const isLost = getResourceScope.call(grant, asked) !== '' && grant.getResourceScope(asked) === '';
  if (isLost || ![resource ?? []].flat().includes(asked)) throw new errors.InvalidTarget();
}
