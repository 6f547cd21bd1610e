import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { ownMember } from '#applications/clients/module.ts';
import { LONGEST_ORGANIZATION } from '../limits.ts';

/** Scope value of clients that can set nothing but scopes: `organization:SLUG`. */
const SCOPE = 'organization:';

/** Whether users sign in to a client for an organization. */
export const usageOf = (client: Client): 'deny' | 'allow' | 'require' =>
  ownMember(client, 'organization_usage') ?? 'deny';

/** A scope value that names an organization. For a client that may not ask for one it is a scope like any other. */
export const namesOrganization = (client: Client, scope: string): boolean =>
  scope.startsWith(SCOPE) && usageOf(client) !== 'deny';

type Named = { organization?: unknown; scope?: unknown };

/**
 * The organization that a request names, by id or slug; null without one.
 * @throws InvalidRequest for two of them, and for one of a client that may not ask for any.
 */
function organizationNamedIn({ organization, scope }: Named, client: Client): string | null {
  const scopes = typeof scope === 'string' ? scope.split(' ').filter((name) => namesOrganization(client, name)) : [];
  const named = new Set([organization ?? [], scopes.map((name) => name.slice(SCOPE.length))].flat());
  const [first, ...others] = [...named].filter((name) => name !== '');
  if (first === undefined) return null;
  if (usageOf(client) === 'deny') throw new errors.InvalidRequest('organization is not allowed for this client');
  if (others.length > 0) throw new errors.InvalidRequest('the request names more than one organization');
  if (typeof first !== 'string' || first.length > LONGEST_ORGANIZATION)
    throw new errors.InvalidRequest('organization must be the id or the slug of an organization');
  return first;
}

/** The same for a request at the token endpoint, where the engine keeps only the parameters that it knows. */
export const organizationNamedAt = ({ oidc }: KoaContextWithOIDC): string | null =>
  oidc.client ? organizationNamedIn(oidc.body ?? {}, oidc.client) : null;

/**
 * From now on the parameter alone names the organization. To be called before the engine leaves out scopes that it does not know.
 * @throws InvalidRequest as `organizationNamedIn` does.
 */
export function nameOrganization(params: Record<string, unknown>, client: Client): string | null {
  const named = organizationNamedIn(params, client);
  params['organization'] = named ?? undefined;
  params['scope'] = withoutOrganizations(client, params['scope'] as string | undefined);
  return named;
}

/** Leaves the scope values out that name an organization. */
export function withoutOrganizations(client: Client, scope: string | undefined): string | undefined {
  if (!scope?.includes(SCOPE)) return scope;
  return (
    scope
      .split(' ')
      .filter((name) => !namesOrganization(client, name))
      .join(' ') || undefined
  );
}
