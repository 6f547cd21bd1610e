import type { AuditEvent, By } from '#audit/module.ts';
import type { Policies, PolicyInForce, TightenedSection, Tightening, TighteningService } from '#settings/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import { about } from './about.ts';
import { organizationPolicyChanged } from './events.ts';
import { lockOrganization } from './organization-lock.ts';
import type { OrganizationService } from './organization-service.ts';

type Dependencies = {
  organizations: Pick<OrganizationService, 'require'>;
  tightenings: Pick<TighteningService, 'find' | 'set'>;
  policies: Policies<TightenedSection>;
};

/** The demands of an organization, and the policy that they make of the policy of the instance. */
type OrganizationPolicy = { demands: Tightening; inForce: Pick<PolicyInForce, TightenedSection> };

/** The policy of an organization: it tightens the policy of the instance for sign-ins of its members. */
export class PolicyService {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** By id or slug. Throws organizations.not_found. */
  async read(idOrSlug: string): Promise<OrganizationPolicy> {
    const { organizations, tightenings } = this.#deps;
    const { id } = await organizations.require(idOrSlug);
    return this.#shown(id, await tightenings.find(id));
  }

  /**
   * Changes one demand by its name, as `mfa.enforcement`; null takes it back. It counts at the next sign-in on every node.
   * Throws organizations.not_found, settings.invalid.
   */
  async set(idOrSlug: string, name: string, value: unknown, by: By): Promise<OrganizationPolicy> {
    const { organizations, tightenings } = this.#deps;
    const { id } = await organizations.require(idOrSlug);
    // Held until the change is written: an organization that is erased meanwhile leaves no demands behind.
    const event = async (
      details: { before: Tightening; after: Tightening },
      em: EntityManager,
    ): Promise<AuditEvent> => {
      await lockOrganization(em, id);
      return organizationPolicyChanged({ ...by, ...about(id), details });
    };
    return this.#shown(id, await tightenings.set(id, name, value, event));
  }

  #shown(organization: string, demands: Tightening): OrganizationPolicy {
    const { signIn, mfa, password, session, networks } = this.#deps.policies.for({ organization });
    return { demands, inForce: { signIn, mfa, password, session, networks } };
  }
}
