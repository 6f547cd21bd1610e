import type { Place } from './access-scope.ts';
import { isOfOrganizations, permissions } from './permission.ts';

/** The scopes of APIs; the slice of APIs answers. */
export type ApiScopes = {
  hasScope(audience: string, scope: string): Promise<boolean>;
  /** The scopes of an API, with their words; null where there is no such API. */
  find(audience: string): Promise<{ scopes: readonly { name: string; description: string }[] } | null>;
};

/** The names of permissions that roles can carry: built-in ones, and the scopes of APIs as `<audience> <scope>`. */
export class PermissionNames {
  readonly #apiScopes: Pick<ApiScopes, 'hasScope'>;

  constructor(apiScopes: Pick<ApiScopes, 'hasScope'>) {
    this.#apiScopes = apiScopes;
  }

  /** The error of a name that a role of this place cannot carry, in words; null for one that it can. */
  async objectionTo(name: string, place: Place): Promise<string | null> {
    if (Object.hasOwn(permissions, name))
      return place === null || isOfOrganizations(name) ? null : `${name} is a permission on the instance alone`;
    const [audience = '', scope = '', ...rest] = name.split(' ');
    const isScope = rest.length === 0 && scope !== '' && (await this.#apiScopes.hasScope(audience, scope));
    return isScope ? null : `${name} is no permission, and no scope of an API as "https://api.example.com read"`;
  }
}
