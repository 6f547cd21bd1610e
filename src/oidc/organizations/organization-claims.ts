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

type Dependencies = {
  store: OrganizationStore;
  apis: Pick<ApiStore, 'findForClient' | 'isServedBy'>;
  findUsername(accountId: string): Promise<string | null>;
};

/** An access token, as far as its claims need it. `organization`: null for one that is for none. */
type Token = { acting: Acting; organization: string | null; audience: string | undefined };

/** The claims about an organization, and about rights: in ID tokens, at userinfo, in access tokens and by introspection. */
export class OrganizationClaims {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** The organization as it is now; nothing where it is closed to the user or the client. */
  async of(acting: Acting, organizationId: string): Promise<Record<string, unknown>> {
    const { store } = this.#deps;
    const organization = await store.findFor(acting, organizationId);
    if (organization === null) return {};
    const { roles } = await store.rightsOf(acting, organizationId);
    return {
      org_id: organization.id,
      org_slug: organization.slug,
      org_name: organization.name,
      org_roles: [...roles].sort(),
      ...(Object.keys(organization.publicMetadata).length === 0 ? {} : { org_metadata: organization.publicMetadata }),
    };
  }

  /**
   * The claims of an access token: its organization, and the rights of its user or client if its API asks for them. Rights are for the
   * API alone, and so is the username (RFC 7662 §2.2). `caller`: the client that introspects; left out for what the token itself holds.
   */
  async ofToken({ acting, organization, audience }: Token, caller?: string): Promise<Record<string, unknown>> {
    const about = organization === null ? {} : await this.of(acting, organization);
    if (audience === undefined || (organization !== null && !('org_id' in about))) return about;
    const api = await this.#deps.apis.findForClient(audience, acting.clientId);
    const isAsked = organization === null ? api?.instancePermissions : api?.organizationPermissions;
    if (!isAsked || (caller !== undefined && !(await this.#deps.apis.isServedBy(audience, caller)))) return about;
    const { roles, permissions } = await this.#deps.store.rightsOf(acting, organization);
    const told = scopesAmong(permissions, audience);
    const rights =
      organization === null
        ? { roles: [...roles].sort(), ...listed('permissions', told) }
        : { ...about, ...listed('org_permissions', told) };
    const { accountId } = acting;
    const username = caller === undefined || !accountId ? null : await this.#deps.findUsername(accountId);
    return username === null ? rights : { ...rights, username };
  }
}

/** Permissions that are scopes of the API, under their own names. */
const scopesAmong = (held: ReadonlySet<string>, audience: string): readonly string[] =>
  [...held].filter((name) => name.startsWith(`${audience} `)).map((name) => name.slice(audience.length + 1));

const listed = (claim: string, told: readonly string[]): Record<string, unknown> =>
  told.length > MOST_TOLD_PERMISSIONS ? { [`${claim}_omitted`]: true } : { [claim]: told.toSorted() };
