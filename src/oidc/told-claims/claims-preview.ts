import type { Client, FindAccount } from 'oidc-provider';
import { clientNotFound } from '#applications/clients/errors.ts';
import { userNotFound } from '#directory/users/errors.ts';
import type { KnownUsers, UserId } from '#directory/users/module.ts';
import type { Policies } from '#settings/module.ts';
import { organizationNotFound } from '#directory/organizations/errors.ts';
import { findAccount } from '../account.ts';
import { findClient } from '../authority/grant-worth.ts';
import { scopes as standardScopes } from '../claims.ts';
import type { Engine } from '../engine.ts';
import { usageOf } from '../organizations/asked-organization.ts';
import type { OrganizationStore } from '../organizations/organization-store.ts';
import { ABOUT, type About } from './told-claims.ts';

/** Claims as a client would see them. `idToken` and `userinfo` are null without the scope `openid`. */
type Preview = {
  /** The standard scopes that were asked for and that the client may have. */
  scopes: readonly string[];
  idToken: Record<string, unknown> | null;
  userinfo: Record<string, unknown> | null;
};

/** The parts of the engine that make an ID token and an answer of userinfo; they have no types. */
type ClaimsMaker = {
  IdToken: new (
    available: object,
    context: { client: Client },
  ) => { scope?: string; mask?: object; rejected?: string[]; payload(): Promise<Record<string, unknown>> };
  Claims: new (
    available: object,
    context: { client: Client },
  ) => { scope(granted: string): { result(): Promise<Record<string, unknown>> } };
};

/** Shows what a client would be told of a user, by the code that tells it. */
export class ClaimsPreview {
  readonly #engine: () => Engine;
  readonly #findAccount: FindAccount;
  readonly #organizations: Pick<OrganizationStore, 'findFor'>;

  constructor(
    engine: () => Engine,
    {
      users,
      policies,
      organizations,
    }: {
      users: Pick<KnownUsers, 'find'>;
      policies: Policies<'profile'>;
      organizations: Pick<OrganizationStore, 'findFor'>;
    },
  ) {
    this.#engine = engine;
    this.#organizations = organizations;
    this.#findAccount = findAccount(users, policies);
  }

  /**
   * For a user who has consented to these scopes, without the claims that a sign-in adds (times, nonce, acr, amr, sid, hashes), in a
   * sign-in for the organization or for none. Throws clients.not_found (also for a disabled client), users.not_found (also for a
   * disabled user), organizations.not_found where the client or the user gets no token for the organization.
   */
  async preview(
    clientId: string,
    { userId, scope, organization }: { userId: UserId; scope: string; organization: string | null },
  ): Promise<Preview> {
    const engine = this.#engine();
    const { IdToken, Claims } = engine as unknown as ClaimsMaker;
    const client = await findClient(engine, clientId);
    if (!client) throw clientNotFound();
    // There is no request; the account depends on none.
    const account = await this.#findAccount(undefined as never, userId);
    if (!account) throw userNotFound();
    if (organization !== null && !(await this.#isOpen(client, userId, organization))) throw organizationNotFound();
    const allowed = client.scope?.split(' ') ?? standardScopes;
    const scopes = standardScopes.filter((name) => scope.split(' ').includes(name) && allowed.includes(name));
    if (!scopes.includes('openid')) return { scopes, idToken: null, userinfo: null };

    const granted = scopes.join(' ');
    const availableIn = async (place: string) => {
      const claims = (await account.claims(place, granted, {}, [])) as { [ABOUT]?: About };
      return { ...claims, [ABOUT]: { ...claims[ABOUT], organization } };
    };
    const idToken = new IdToken(await availableIn('id_token'), { client });
    Object.assign(idToken, { scope: granted, mask: {}, rejected: [] });
    const userinfo = new Claims(await availableIn('userinfo'), { client }).scope(granted);
    return {
      scopes,
      idToken: { iss: engine.issuer, aud: client.clientId, ...(await idToken.payload()) },
      userinfo: await userinfo.result(),
    };
  }

  async #isOpen(client: Client, accountId: string, organization: string): Promise<boolean> {
    if (usageOf(client) === 'deny') return false;
    return (await this.#organizations.findFor({ clientId: client.clientId, accountId }, organization)) !== null;
  }
}
