/** The consent of a user for a client, or `everything` for a first-party client, which needs no consent. */
export type RememberedConsent =
  | {
      scopes: ReadonlySet<string>;
      claims: ReadonlySet<string>;
      resourceScopes: ReadonlyMap<string, ReadonlySet<string>>;
      /** Ids of the organizations about which the client is told. */
      organizations: ReadonlySet<string>;
    }
  | 'everything';

/** Whether the client is told about an organization. */
export const toldAbout = (consent: RememberedConsent | null, organization: string): boolean =>
  consent === 'everything' || consent?.organizations.has(organization) === true;

export type FindConsent = (accountId: string, clientId: string) => Promise<RememberedConsent | null>;

/** Everything that limits a grant, as it is now. */
export type Now = {
  client: { scope?: string | undefined };
  /** By identifier, narrowed to what the client may ask for; null when the API is gone or closed to the client. */
  apis: ReadonlyMap<string, { scopes: readonly { name: string }[] } | null>;
  /** Null when the user allows the client nothing. */
  consent: RememberedConsent | null;
  /** Whether a client that is limited to the scopes of this text may receive a claim. */
  mayBeTold: (scope: string | undefined, claim: string) => boolean;
};

/** The upper bound of the present authority of a grant. */
export type Authority = {
  allowsScope(name: string): boolean;
  allowsClaim(name: string): boolean;
  /** Null when the API is gone or closed to the client. */
  resourceScopes(identifier: string): ReadonlySet<string> | null;
};

/**
 * A grant records the rights at its creation. Its present authority is limited to the rights that the client, the API and the user's consent
 * still allow: every use of a token checks it here, and no withdrawn right is read from the grant.
 */
export function authorityOf({ client, apis, consent, mayBeTold }: Now): Authority {
  const ofClient = client.scope === undefined ? null : new Set(words(client.scope));
  const consented = (of: (given: Exclude<RememberedConsent, 'everything'>) => boolean): boolean =>
    consent === 'everything' || (consent !== null && of(consent));
  return {
    allowsScope: (name) => (ofClient?.has(name) ?? true) && consented(({ scopes }) => scopes.has(name)),
    allowsClaim: (name) => mayBeTold(client.scope, name) && consented(({ claims }) => claims.has(name)),
    resourceScopes(identifier) {
      const api = apis.get(identifier);
      if (!api) return null;
      const names = api.scopes.map(({ name }) => name);
      return new Set(
        names.filter((name) => consented(({ resourceScopes }) => resourceScopes.get(identifier)?.has(name) ?? false)),
      );
    },
  };
}

/** The words of a space-separated list (RFC 6749 §3.3); empty without one. */
export const words = (text: string | undefined): string[] => text?.split(' ').filter(Boolean) ?? [];
