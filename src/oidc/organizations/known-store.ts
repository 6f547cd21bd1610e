import type { EffectivePermissions } from '#directory/access/module.ts';
import type { KnownOrganizations, MemberService, OrganizationId } from '#directory/organizations/module.ts';
import { parseId } from '#kernel/ids.ts';
import type { Acting, OrganizationStore, Rights, TokenOrganization } from './organization-store.ts';

type Dependencies = {
  known: Pick<KnownOrganizations, 'find' | 'findById' | 'memberSince'>;
  members: Pick<MemberService, 'organizationsOf'>;
  /** Since when an administrator of an organization allows a client to act for it (NumericDate); null where none does. */
  allowsClient(organizationId: OrganizationId, clientId: string): Promise<number | null>;
  effective: Pick<EffectivePermissions, 'permissionsOf' | 'rolesOf' | 'permissionsOfClient' | 'rolesOfClient'>;
};

/** Organizations, their members and the rights in them, as tokens ask about them. */
export class KnownStore implements OrganizationStore {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  async find(idOrSlug: string): Promise<TokenOrganization | null> {
    return this.#deps.known.find(idOrSlug);
  }

  async findFor({ clientId, accountId }: Acting, organizationId: string) {
    const id = parseId('org', organizationId);
    const organization = id && (await this.#deps.known.findById(id));
    if (!id || organization?.status !== 'active') return null;
    const since =
      accountId === undefined ? await this.#deps.allowsClient(id, clientId) : await this.#memberSince(id, accountId);
    if (since === null) return null;
    const { slug, name, publicMetadata } = organization;
    return { id, slug, name, publicMetadata, since };
  }

  async #memberSince(id: OrganizationId, accountId: string): Promise<number | null> {
    const userId = parseId('usr', accountId);
    return userId && this.#deps.known.memberSince(id, userId);
  }

  async listOf(accountId: string): Promise<readonly TokenOrganization[]> {
    const userId = parseId('usr', accountId);
    const own = userId === null ? [] : await this.#deps.members.organizationsOf(userId);
    return own.filter(({ status }) => status === 'active');
  }

  async rightsOf({ clientId, accountId }: Acting, organizationId: string | null): Promise<Rights> {
    const { effective } = this.#deps;
    const id = organizationId === null ? null : parseId('org', organizationId);
    const userId = accountId === undefined ? null : parseId('usr', accountId);
    const isUnknown = (organizationId !== null && id === null) || (accountId !== undefined && userId === null);
    if (isUnknown) return { roles: [], permissions: new Set() };
    const [roles, permissions] = await Promise.all(
      userId === null
        ? [effective.rolesOfClient(clientId, id), effective.permissionsOfClient(clientId, id)]
        : [effective.rolesOf(userId, id), effective.permissionsOf(userId, id)],
    );
    return { roles, permissions };
  }
}
