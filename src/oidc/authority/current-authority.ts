import type { Client, Grant } from 'oidc-provider';
import type { Policies } from '#settings/module.ts';
import { mayBeTold } from '../claims.ts';
import type { ApiStore } from '../resources.ts';
import { type Authority, authorityOf, type FindConsent, type RememberedConsent, words } from './authority.ts';

type AuthorityDependencies = {
  apis: Pick<ApiStore, 'findForClient'>;
  findConsent: FindConsent;
  policies: Policies<'profile'>;
};

/** Reads what the client, its APIs and the user allow now. All of it is cached and dropped with each change. */
export class CurrentAuthority {
  readonly #deps: AuthorityDependencies;

  constructor(deps: AuthorityDependencies) {
    this.#deps = deps;
  }

  /** `accountId` is undefined for a client that acts for itself. */
  async of(client: Client, accountId: string | undefined, resources: readonly string[]): Promise<Authority> {
    const consent = accountId === undefined ? 'everything' : await this.#deps.findConsent(accountId, client.clientId);
    return this.under(consent, client, resources);
  }

  async under(consent: RememberedConsent | null, client: Client, resources: readonly string[]): Promise<Authority> {
    const find = async (identifier: string) =>
      [identifier, await this.#deps.apis.findForClient(identifier, client.clientId)] as const;
    return authorityOf({
      client,
      apis: new Map(await Promise.all(resources.map(find))),
      consent,
      mayBeTold: (scope, claim) => this.mayBeTold({ clientId: client.clientId, scope }, claim),
    });
  }

  mayBeTold({ clientId, scope }: Pick<Client, 'clientId' | 'scope'>, claim: string): boolean {
    return mayBeTold(scope, claim, this.#deps.policies.for({ client: clientId }).profile.properties);
  }
}

/** The grant that the engine reads, never more than is allowed now. The stored grant does not change. */
export function narrow(grant: Grant, authority: Authority): Grant {
  const { getOIDCScope, getOIDCClaims, getResourceScope } = Object.getPrototypeOf(grant) as Grant;
  return Object.assign(grant, {
    getOIDCScope(this: Grant): string {
      return words(getOIDCScope.call(this)).filter(authority.allowsScope).join(' ');
    },
    getOIDCClaims(this: Grant): string[] {
      return getOIDCClaims.call(this).filter(authority.allowsClaim);
    },
    getResourceScope(this: Grant, identifier: string): string {
      const allowed = authority.resourceScopes(identifier);
      return words(getResourceScope.call(this, identifier))
        .filter((name) => allowed?.has(name))
        .join(' ');
    },
  });
}

/** The rest of a narrowed grant. */
export function heldBy(grant: Grant, authority: Authority): Pick<Authority, 'allowsScope' | 'resourceScopes'> {
  const scopes = new Set(words(grant.getOIDCScope()));
  return {
    allowsScope: (name) => scopes.has(name),
    resourceScopes: (identifier) =>
      authority.resourceScopes(identifier) && new Set(words(grant.getResourceScope(identifier))),
  };
}
