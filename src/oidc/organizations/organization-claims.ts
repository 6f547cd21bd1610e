import type { ApiStore } from '../resources.ts';
import { MOST_TOLD_PERMISSIONS } from '../limits.ts';
import type { Acting, OrganizationStore } from './organization-store.ts';

/** The claims about an organization, for discovery. */
export const organizationClaimNames = [
  'org_id',
  'org_slug',
  'org_name',
  'org_roles',
  'org_metadata',
  'org_permissions',
  'org_permissions_omitted',
] as const;

type Dependencies = { store: OrganizationStore; apis: Pick<ApiStore, 'findForClient'> };

/** The claims about the organization of a token: in ID tokens, at userinfo, in access tokens and by introspection. */
export class OrganizationClaims {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /**
   * As it is now; nothing where the organization is closed to the user or the client. `audience`: the API of an access token, which
   * is told the permissions that are scopes of its own, if it asks for them.
   */
  async of(acting: Acting, organizationId: string, audience?: string): Promise<Record<string, unknown>> {
    const { store } = this.#deps;
    const organization = await store.findFor(acting, organizationId);
    if (organization === null) return {};
    const { roles, permissions } = await store.rightsOf(acting, organizationId);
    return {
      org_id: organization.id,
      org_slug: organization.slug,
      org_name: organization.name,
      org_roles: [...roles].sort(),
      ...(Object.keys(organization.publicMetadata).length === 0 ? {} : { org_metadata: organization.publicMetadata }),
      ...(await this.#permissions(acting, audience, permissions)),
    };
  }

  async #permissions(
    { clientId }: Acting,
    audience: string | undefined,
    held: ReadonlySet<string>,
  ): Promise<Record<string, unknown>> {
    const api = audience === undefined ? null : await this.#deps.apis.findForClient(audience, clientId);
    if (!api?.organizationPermissions) return {};
    const prefix = `${api.identifier} `;
    const own = [...held].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
    if (own.length > MOST_TOLD_PERMISSIONS) return { org_permissions_omitted: true };
    return { org_permissions: own.sort() };
  }
}
