import type { Database } from '#kernel/database.ts';
import { type Place } from './access-scope.ts';
import { expanded, isOfOrganizations, permissions } from './permission.ts';
import type { ApiScopes } from './permission-names.ts';

/** A permission that roles can carry. */
export type ListedPermission = {
  /** As roles name it: a scope of an API stands behind the identifier of the API. */
  name: string;
  description: string;
  scope: 'instance' | 'organization';
  /** Built-in permissions that it brings. */
  includes: readonly string[];
  /** Names of the built-in roles that carry or inherit it, in their order. */
  roles: readonly string[];
};

/** Everything that roles can carry, in words. */
export class PermissionList {
  readonly #database: Pick<Database, 'sql'>;
  readonly #apis: Pick<ApiScopes, 'find'>;

  constructor(database: Pick<Database, 'sql'>, apis: Pick<ApiScopes, 'find'>) {
    this.#database = database;
    this.#apis = apis;
  }

  /** The built-in permissions that count in a place: in an organization, permissions of organizations alone. */
  async builtIn(place: Place): Promise<ListedPermission[]> {
    const carriers = await this.#carriers();
    return Object.entries(permissions)
      .filter(([name]) => place === null || isOfOrganizations(name))
      .map(([name, description]) => ({
        name,
        description,
        scope: isOfOrganizations(name) ? 'organization' : 'instance',
        includes: [...expanded([name])].filter((other) => other !== name),
        roles: carriers.filter(([, held]) => held.includes(name)).map(([role]) => role),
      }));
  }

  /** The scopes of an API, as permissions. Null where there is no such API. */
  async ofApi(audience: string): Promise<ListedPermission[] | null> {
    const api = await this.#apis.find(audience);
    if (api === null) return null;
    return api.scopes.map(({ name, description }) => ({
      name: `${audience} ${name}`,
      description,
      scope: 'organization',
      includes: [],
      roles: [],
    }));
  }

  async #carriers(): Promise<[role: string, permissions: readonly string[]][]> {
    const rows = await this.#database.sql<{ name: string; held: string[] }>(
      `with recursive built_in (id, name, held_id) as (
         select r.id, r.name, r.id from role r where r.is_built_in and r.organization_id is null
         union select b.id, b.name, p.parent_id from built_in b join role_parent p on p.role_id = b.held_id)
       select b.name, array_agg(distinct held.permission) as held from built_in b
       join role c on c.id = b.held_id cross join lateral unnest(c.permissions) as held (permission)
       group by b.id, b.name order by b.id`,
    );
    return rows.map(({ name, held }) => [name, held]);
  }
}
