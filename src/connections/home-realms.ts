import { domainOf, type DomainSignIn, type KnownDomains } from '#directory/domains/module.ts';
import type { OrganizationId } from '#directory/organizations/module.ts';
import { canonicalEmail, type KnownUsers, type ReadUser, type UserId } from '#directory/users/module.ts';
import { parseId } from '#kernel/ids.ts';
import type { KnownConnections, OfferedConnection } from './known-connections.ts';
import type { UsableConnections } from './usable-connections.ts';

/** Where users with an email address at a domain sign in. */
type HomeRealm = {
  /** The owner of the domain. */
  organizationId: OrganizationId;
  /** The connections by which users of the domain sign in: those that the domain names, else all of the organization; none where none is ready. */
  connections: readonly OfferedConnection[];
  signIn: DomainSignIn;
};

/** An organization takes the sign-ins of a user by these connections alone. */
type ConnectionDemand = {
  organizationId: OrganizationId;
  /** Slugs. */
  connections: readonly string[];
};

export type HomeRealmDependencies = {
  domains: Pick<KnownDomains, 'ownerOf'>;
  usable: Pick<UsableConnections, 'isActive'>;
  known: Pick<KnownConnections, 'offered'>;
  users: Pick<KnownUsers, 'find'>;
  isOwner(organizationId: OrganizationId, userId: UserId): Promise<boolean>;
};

/**
 * The organizations that own the domains of email addresses (home realm discovery). The domain decides alone: whether an address has an
 * account is not asked, so no answer tells it.
 */
export class HomeRealms {
  readonly #deps: HomeRealmDependencies;

  constructor(dependencies: HomeRealmDependencies) {
    this.#deps = dependencies;
  }

  /** Null for a username, and for a domain that leads nowhere: its organization has no connection, is not active, or does not exist. */
  async find(identifier: string): Promise<HomeRealm | null> {
    const email = canonicalEmail(identifier);
    return email === null ? null : this.findByDomain(domainOf(email));
  }

  async findByDomain(domain: string): Promise<HomeRealm | null> {
    const { domains, known, usable } = this.#deps;
    const owner = await domains.ownerOf(domain);
    if (owner === null || !(await usable.isActive(owner.organizationId))) return null;
    const { organizationId, signIn, connections: named } = owner;
    const own = await known.offered(organizationId);
    const connections = named.length === 0 ? own : own.filter(({ slug }) => named.includes(slug));
    return connections.length === 0 && signIn === 'any' ? null : { organizationId, connections, signIn };
  }

  /**
   * The connections that the domain of a user's email address demands; null where every way counts. Users with rights on the instance are
   * never bound: a connection of an organization cannot sign them in.
   */
  async demandOn({
    id,
    email,
    permissions,
    roles,
  }: Pick<ReadUser, 'id' | 'email' | 'permissions' | 'roles'>): Promise<ConnectionDemand | null> {
    const realm = email ? await this.find(email) : null;
    if (realm === null || realm.signIn === 'any' || permissions.length > 0 || roles.length > 0) return null;
    const { organizationId, signIn } = realm;
    if (signIn === 'connection_or_owner' && (await this.#deps.isOwner(organizationId, id))) return null;
    return { organizationId, connections: realm.connections.map(({ slug }) => slug) };
  }

  /** The same, as slugs alone. */
  async demandedOf(user: Parameters<HomeRealms['demandOn']>[0]): Promise<readonly string[] | null> {
    return (await this.demandOn(user))?.connections ?? null;
  }

  /** The same by the id of an account. */
  async connectionsDemandedOf(accountId: string): Promise<readonly string[] | null> {
    const id = parseId('usr', accountId);
    const user = id && (await this.#deps.users.find(id));
    return user && this.demandedOf({ ...user, id });
  }

  /** Whether a user who was found by one of their addresses may prove it by nothing but a connection. The domain is asked first. */
  async binds({ id, email }: Pick<ReadUser, 'id' | 'email'>): Promise<boolean> {
    const realm = email ? await this.find(email) : null;
    if (realm === null || realm.signIn === 'any') return false;
    const user = await this.#deps.users.find(id);
    return user !== null && (await this.demandOn({ ...user, id, email })) !== null;
  }
}
