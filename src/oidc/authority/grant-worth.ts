import { type Client, errors, type Grant, Provider } from 'oidc-provider';
import type { Engine } from '../engine.ts';
import type { Authority } from './authority.ts';
import { type CurrentAuthority, narrow } from './current-authority.ts';

/** Requests to an API of this process, which is no endpoint of the engine. */
export const API_ROUTE = 'api';

/** Where a token, a code or a refresh token is shown to have something for it. Revoking one is always possible. */
export const uses: ReadonlySet<string> = new Set(['token', 'userinfo', 'introspection', API_ROUTE]);

/** The route of the engine's current request; empty outside of one. */
export const route = (): string => Provider.ctx?.oidc.route ?? '';

/** `resources`: of these it is found out too what the grant is worth, in addition to its own. */
type GrantOptions = { ignoreExpiration?: boolean; resources?: readonly string[] };
export type FindGrant = (id: string, options?: GrantOptions) => Promise<Grant | undefined>;

const known = new WeakMap<object, Map<string, Promise<Grant | undefined>>>();
const authorities = new WeakMap<Grant, Authority>();

/** The upper bound of a grant's authority, as computed in this request. */
export const authorityOn = (grant: Grant): Authority | undefined => authorities.get(grant);

/**
 * The engine loads the grant of a token several times in a request. The first look-up computes its present authority: from
 * then on neither the store nor client and user are read again.
 */
export async function findNarrowed(
  engine: Engine,
  find: FindGrant,
  [id, options]: Parameters<FindGrant>,
  authority: CurrentAuthority,
): Promise<Grant | undefined> {
  const request = Provider.ctx;
  if (!request || !uses.has(route())) return find(id, options);
  const ofRequest = known.get(request) ?? new Map<string, Promise<Grant | undefined>>();
  known.set(request, ofRequest);
  const finding = ofRequest.get(id) ?? findOut(engine, find, id, options?.resources ?? [], authority);
  ofRequest.set(id, finding);
  const grant = await finding;
  return grant?.isExpired && options?.ignoreExpiration !== true ? undefined : grant;
}

async function findOut(
  engine: Engine,
  find: FindGrant,
  id: string,
  asked: readonly string[],
  authority: CurrentAuthority,
): Promise<Grant | undefined> {
  const grant = await find(id, { ignoreExpiration: true });
  const client = grant && (await findClient(engine, grant.clientId));
  if (!client) return undefined;
  const resources = new Set([...asked, ...Object.keys(grant.resources ?? {})]);
  const now = await authority.of(client, grant.accountId, [...resources]);
  authorities.set(grant, now);
  return narrow(grant, now);
}

/** The engine refuses a client that the present configuration does not allow: its tokens are invalid too. */
export async function findClient(engine: Engine, clientId = ''): Promise<Client | undefined> {
  try {
    return await engine.Client.find(clientId);
  } catch (error) {
    if (error instanceof errors.OIDCProviderError && error.statusCode < 500) return undefined;
    throw error;
  }
}
