import { access, type EffectivePermissions, isOfOrganizations, isOwn } from '#directory/access/module.ts';
import type { OrganizationId } from '#directory/organizations/module.ts';
import { type By, byClient, byUser } from '#audit/module.ts';
import type { AppError } from '#kernel/errors.ts';
import { addressKey } from '#kernel/http/address.ts';
import { parseId } from '#kernel/ids.ts';
import type { Allowance, Throttle } from '#kernel/throttle.ts';
import type { ShownToken, TokenCheck } from '#oidc/module.ts';
import { instance, type Policies } from '#settings/module.ts';
import type { UserService } from '#directory/users/module.ts';
import { invalidToken, tokenRefused, tooManyCalls, tooManyRefusedTokens, useDpopNonce } from './errors.ts';
import { CALL_WINDOW, LOTS_OF_LIMIT } from './limits.ts';
import type { MountedOperation } from './mounted-operation.ts';
import { rateLimitFields, type Tell } from './rate-limit.ts';

/** A client with its access token, and its user if there is one. */
export type Caller = {
  /** It may do what the scopes of the token allow and, for a user, the roles that they hold now. */
  by: By & { may: NonNullable<By['may']> };
  /** Whether the token has a scope with the name of the permission. */
  hasScope(permission: string): boolean;
  /** Whether it has any permission in the organization of the call: to others the organization does not exist. */
  knowsOrganization: boolean;
  /** Names the caller for limits. */
  key: string;
  scheme: ShownToken['scheme'];
};

type CalledFrom = NonNullable<By['visitor']>;

type Dependencies = {
  users: Pick<UserService, 'findById'>;
  effective: Pick<EffectivePermissions, 'mayBy' | 'permissionsOf'>;
  throttle: Pick<Throttle, 'spend'>;
  policies: Policies<'limits'>;
};

/** The callers of the management API, and their limits. */
export class Callers {
  readonly #deps: Dependencies;
  readonly #counted = new WeakMap<object, Allowance>();

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /**
   * The caller whose token `check` finds. The calls of a caller, and the refused tokens of an address, are counted before any more
   * work. A valid token is never refused because of other tokens at its address. `organizationId`: the organization of the call.
   * `call`: the request, which is counted once, also when it is looked at again. `tell` gets the headers that say how much is left.
   * @throws AppError api.invalid_token and its kin, api.too_many_calls, api.too_many_refused_tokens.
   */
  async identify(
    call: object,
    check: () => Promise<TokenCheck>,
    visitor: CalledFrom,
    organizationId: OrganizationId | null,
    tell: Tell,
  ): Promise<Caller> {
    const { throttle, policies } = this.#deps;
    const { limits } = policies.for(instance);
    const token = await check();
    const caller = token.kind === 'valid' ? await this.#callerOf(token, visitor, organizationId) : null;
    if (caller === null) throw await this.#refusalOf(token, visitor, tell);
    const points = limits.apiCallsPerMinute;
    const lot = Math.max(1, Math.floor(points / LOTS_OF_LIMIT));
    const calls = { name: 'api-calls', points, duration: CALL_WINDOW, lot };
    const left = this.#counted.get(call) ?? (await throttle.spend(calls, caller.key));
    this.#counted.set(call, left);
    tell(rateLimitFields(calls, left));
    if (!left.allowed) throw tooManyCalls(left.resetAfter);
    return caller;
  }

  /** Counts the token that is not valid. Calls without one, and those that learn the nonce of their proof (RFC 9449 §9), are not. */
  async #refusalOf(token: TokenCheck, { ip }: CalledFrom, tell: Tell): Promise<AppError> {
    if (token.kind === 'absent') return invalidToken();
    const refusal = token.kind === 'valid' ? invalidToken() : tokenRefused(token.error);
    if (refusal.code === useDpopNonce.code) return refusal;
    const points = this.#deps.policies.for(instance).limits.refusedTokensPerAddress;
    const refused = { name: 'api-refused-tokens', points, duration: CALL_WINDOW };
    const left = await this.#deps.throttle.spend(refused, addressKey(ip));
    tell(rateLimitFields(refused, left));
    return left.allowed ? refusal : tooManyRefusedTokens(left.resetAfter);
  }

  /** Null for a user who does not exist, or is disabled since the token was looked at. */
  async #callerOf(token: ShownToken, visitor: CalledFrom, asked: OrganizationId | null): Promise<Caller | null> {
    const { clientId, accountId, sessionId, scopes, scheme } = token;
    const hasScope = (permission: string) => scopes.has(permission);
    if (accountId === null) {
      // A client that acts for itself has no data of a user.
      const may = within(token, (permission) => !isOwn(permission) && hasScope(permission));
      const knowsOrganization = token.organizationId === null || token.organizationId === asked;
      return { by: { ...byClient(clientId, visitor), may }, hasScope, knowsOrganization, key: clientId, scheme };
    }
    const { users, effective } = this.#deps;
    const id = parseId('usr', accountId);
    const user = id && (await users.findById(id));
    if (!id || user?.status !== 'active') return null;
    const held = await effective.mayBy(id, access.expanded(user.permissions), asked);
    const may = within(
      token,
      (permission, organizationId) => hasScope(permission) && (isOwn(permission) || held(permission, organizationId)),
    );
    const isElsewhere = token.organizationId !== null && token.organizationId !== asked;
    const knowsOrganization = asked !== null && !isElsewhere && (await effective.permissionsOf(id, asked)).size > 0;
    return {
      by: { ...byUser(id, visitor, clientId), ...(sessionId === null ? {} : { sessionId }), may },
      hasScope,
      knowsOrganization,
      key: `${clientId} ${id}`,
      scheme,
    };
  }
}

/** A token for one organization allows nothing on the instance and nothing in another organization. */
function within({ organizationId: only }: ShownToken, held: NonNullable<By['may']>): NonNullable<By['may']> {
  if (only === null) return held;
  return (permission, organizationId) =>
    organizationId === only && isOfOrganizations(permission) && held(permission, organizationId);
}

/** A call about an id that no organization has is decided by the scope of the token, and answered as such. */
export const mayCall = (
  { by, hasScope }: Caller,
  { permission }: Pick<MountedOperation, 'permission'>,
  organizationId: string | null | undefined,
) => (organizationId === null ? hasScope(permission) : by.may(permission, organizationId));
