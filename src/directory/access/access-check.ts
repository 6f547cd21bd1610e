import type { OrganizationId } from '#directory/organizations/organization.ts';
import type { UserId } from '#directory/users/module.ts';
import { parseId } from '#kernel/ids.ts';
import type { Place } from './access-scope.ts';
import { permissions as builtIn } from './permission.ts';

type TokenSubject = {
  /** Null where a client acts for itself. */
  accountId: string | null;
  clientId: string;
  organizationId: string | null;
  audience: string | null;
  scopes: ReadonlySet<string>;
};
/** Finds the subject of an access token, null for one that is not valid; the slice of the OpenID provider answers. */
export type TokenSubjects = { find(token: string): Promise<TokenSubject | null> };

/** The effective permissions of users and of machine clients. */
export type Effective = {
  permissionsOf(userId: UserId, organizationId: Place): Promise<ReadonlySet<string>>;
  permissionsOfClient(clientId: string, organizationId: Place): Promise<ReadonlySet<string>>;
};

type Asked = { permission: string; organizationId?: OrganizationId | undefined };
export type Question = Asked & {
  userId?: UserId | undefined;
  clientId?: string | undefined;
  token?: string | undefined;
};

type Dependencies = { effective: Effective; tokens: TokenSubjects };

/** Answers whether a subject may do something now: what is not known, disabled or expired may do nothing. */
export class AccessCheck {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** For one subject: a user, a machine client, or the subject of a token. */
  async isAllowed({ userId, clientId, token, permission, organizationId }: Question): Promise<boolean> {
    const { effective } = this.#deps;
    if (token !== undefined) return this.#isAllowedByToken(token, { permission, organizationId });
    const place = organizationId ?? null;
    if (userId !== undefined) return (await effective.permissionsOf(userId, place)).has(permission);
    if (clientId !== undefined) return (await effective.permissionsOfClient(clientId, place)).has(permission);
    return false;
  }

  /**
   * A token allows what its subject may do in the organization of the token, or on the instance where it has none. The permission
   * for a scope of an API also needs that scope in the token.
   */
  async #isAllowedByToken(token: string, { permission, organizationId }: Asked): Promise<boolean> {
    const found = await this.#deps.tokens.find(token);
    if (!found) return false;
    if (organizationId !== undefined && organizationId !== found.organizationId) return false;
    if (!coversScope(found, permission)) return false;
    const { effective } = this.#deps;
    const { accountId, clientId } = found;
    const place = found.organizationId === null ? null : parseId('org', found.organizationId);
    const userId = accountId === null ? null : parseId('usr', accountId);
    if (accountId !== null && userId === null) return false;
    const held =
      userId === null
        ? await effective.permissionsOfClient(clientId, place)
        : await effective.permissionsOf(userId, place);
    return held.has(permission);
  }
}

/** The permission `<audience> <scope>` needs a token for this audience with this scope; a built-in one needs no scope. */
function coversScope({ audience, scopes }: TokenSubject, permission: string): boolean {
  if (Object.hasOwn(builtIn, permission)) return true;
  const [wanted, scope = ''] = permission.split(' ');
  return wanted === audience && scopes.has(scope);
}
