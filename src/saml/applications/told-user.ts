import type { KnownUsers, UserId } from '#directory/users/module.ts';
import { type AttributeFacts, attributesOf, scopesOf, type Attribute } from './attribute-mapping.ts';
import type { Application } from './application-service.ts';
import { type NameId, type NameIdFormat, nameIdOf, type Names, scopeOfFormat } from './name-id.ts';

type Organization = { id: string; slug: string; name: string };
type Acting = { clientId: string; accountId: string };

export type ToldUserDependencies = {
  users: Pick<KnownUsers, 'find'>;
  claims: {
    preview(
      clientId: string,
      about: { userId: UserId; scope: string; organization: string | null },
    ): Promise<{ userinfo: Record<string, unknown> | null }>;
  };
  organizations: {
    findFor(acting: Acting, organizationId: string): Promise<Organization | null>;
    rightsOf(
      acting: Acting,
      organizationId: string | null,
    ): Promise<{ roles: readonly string[]; permissions: ReadonlySet<string> }>;
  };
};

type About = { userId: UserId; organizationId: string | null; scopes: readonly string[] };

/** The scopes that a sign-in at the application asks for. */
export function scopesFor({ provider }: Application): readonly string[] {
  const format = scopeOfFormat(provider.nameIdFormat);
  return ['openid', ...new Set([...scopesOf(provider.attributes), ...(format === null ? [] : [format])])];
}

/** The data of a user for an application: the claims that an OpenID client of the same scopes would see. */
export class ToldUser {
  readonly #deps: ToldUserDependencies;

  constructor(dependencies: ToldUserDependencies) {
    this.#deps = dependencies;
  }

  async attributes({ client, provider }: Application, about: About): Promise<readonly Attribute[]> {
    const { userId, organizationId, scopes } = about;
    const { claims, organizations, users } = this.#deps;
    const acting = { clientId: client.clientId, accountId: userId };
    const [user, told, organization, rights] = await Promise.all([
      users.find(userId),
      claims.preview(client.clientId, { userId, scope: scopes.join(' '), organization: organizationId }),
      organizationId === null ? null : organizations.findFor(acting, organizationId),
      organizations.rightsOf(acting, organizationId),
    ]);
    const isProfileTold = scopes.includes('profile');
    const facts: AttributeFacts = {
      userId,
      claims: told.userinfo ?? {},
      properties: isProfileTold ? (user?.properties ?? {}) : {},
      roles: isProfileTold ? rights.roles : [],
      permissions: isProfileTold ? [...rights.permissions] : [],
      organization,
    };
    return attributesOf(provider.attributes, facts);
  }

  /** Null where the user has no name of that format. */
  async nameId(
    format: NameIdFormat,
    { userId, persistent }: { userId: UserId; persistent: string },
    parties: { ours: string; theirs: string },
  ): Promise<NameId | null> {
    const user = await this.#deps.users.find(userId);
    const names: Names = {
      persistent,
      username: user?.username ?? user?.profile.preferred_username ?? null,
      verifiedEmail: user?.emailVerified ? (user.email ?? null) : null,
    };
    return nameIdOf(format, names, parties);
  }
}
