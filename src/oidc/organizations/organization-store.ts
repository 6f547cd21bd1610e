/** An organization as clients know it. */
export type TokenOrganization = { id: string; slug: string; name: string };
/** An organization that is open to a user or a client; `since`: NumericDate. */
type OpenOrganization = TokenOrganization & { publicMetadata: Record<string, unknown>; since: number };
/** A user at a client, or a client for itself, that acts for an organization. */
export type Acting = { clientId: string; accountId?: string | undefined };
/** The present rights of a user, or of a client, in an organization or on the instance. `permissions` of an API: `<audience> <scope>`. */
export type Rights = { roles: readonly string[]; permissions: ReadonlySet<string> };

/** The organizations behind tokens. It is read with every use of a token, so from memory, and is at most a second old. */
export type OrganizationStore = {
  /** By id, or by a slug that it has or had; null where there is none, whatever its status is. */
  find(idOrSlug: string): Promise<TokenOrganization | null>;
  /**
   * The organization, if it is active and the user is a member of it, or the client may act for it; null otherwise. A token that is
   * older than `since` belongs to an earlier membership.
   */
  findFor(acting: Acting, organizationId: string): Promise<OpenOrganization | null>;
  /** The active organizations of a user, by name. */
  listOf(accountId: string): Promise<readonly TokenOrganization[]>;
  /** `organizationId`: null for the rights on the instance. */
  rightsOf(acting: Acting, organizationId: string | null): Promise<Rights>;
};

/** The organization that a user chose at a client the last time; null without one. */
export type FindChosenOrganization = (accountId: string, clientId: string) => Promise<string | null>;
