import type { Client } from '#applications/clients/module.ts';
import type { UserId } from '#directory/users/module.ts';
import type { ApplicationService } from './application-service.ts';

/** An application that a user can open from the account page. */
type Launch = { name: string; path: string };

export type LaunchDependencies = {
  /** The active organizations of a user. */
  memberships: { activeOf(userId: UserId): Promise<readonly unknown[]> };
};

/** The applications that users open from here. */
export class Launches {
  readonly #applications: Pick<ApplicationService, 'list'>;
  readonly #memberships: LaunchDependencies['memberships'];

  constructor({ memberships }: LaunchDependencies, applications: Pick<ApplicationService, 'list'>) {
    this.#applications = applications;
    this.#memberships = memberships;
  }

  /** By name. Without an organization the user cannot sign in where each sign-in is for one. */
  async list(userId: UserId): Promise<readonly Launch[]> {
    const all = await this.#applications.list();
    const open = all.filter(({ client, provider }) => provider.isLaunchable && !client.disabled);
    if (open.length === 0) return [];
    const isMember = (await this.#memberships.activeOf(userId)).length > 0;
    return open
      .filter(({ client }) => isMember || !needsOrganization(client))
      .map(({ client }) => ({ name: client.name, path: `/saml/applications/${client.clientId}/launch` }))
      .toSorted((a, b) => a.name.localeCompare(b.name));
  }
}

const needsOrganization = ({ metadata }: Client): boolean => metadata.organization_usage === 'require';
