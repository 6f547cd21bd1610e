import type { Client, FindAccount } from 'oidc-provider';
import { clientNotFound } from '#applications/clients/errors.ts';
import { userNotFound } from '#directory/users/errors.ts';
import type { KnownUsers, UserId } from '#directory/users/module.ts';
import type { Policies } from '#settings/module.ts';
import { findAccount } from '../account.ts';
import { findClient } from '../authority/grant-worth.ts';
import { scopes as standardScopes } from '../claims.ts';
import type { Engine } from '../engine.ts';

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

  constructor(engine: () => Engine, users: Pick<KnownUsers, 'find'>, policies: Policies<'profile'>) {
    this.#engine = engine;
    this.#findAccount = findAccount(users, policies);
  }

  /**
   * For a user who has consented to these scopes, without the claims that a sign-in adds (times, nonce, acr, amr, sid, hashes).
   * Throws clients.not_found (also for a disabled client), users.not_found (also for a disabled user).
   */
  async preview(clientId: string, { userId, scope }: { userId: UserId; scope: string }): Promise<Preview> {
    const engine = this.#engine();
    const { IdToken, Claims } = engine as unknown as ClaimsMaker;
    const client = await findClient(engine, clientId);
    if (!client) throw clientNotFound();
    // There is no request; the account depends on none.
    const account = await this.#findAccount(undefined as never, userId);
    if (!account) throw userNotFound();
    const allowed = client.scope?.split(' ') ?? standardScopes;
    const scopes = standardScopes.filter((name) => scope.split(' ').includes(name) && allowed.includes(name));
    if (!scopes.includes('openid')) return { scopes, idToken: null, userinfo: null };

    const granted = scopes.join(' ');
    const availableIn = async (place: string) => account.claims(place, granted, {}, []);
    const idToken = new IdToken(await availableIn('id_token'), { client });
    Object.assign(idToken, { scope: granted, mask: {}, rejected: [] });
    const userinfo = new Claims(await availableIn('userinfo'), { client }).scope(granted);
    return {
      scopes,
      idToken: { iss: engine.issuer, aud: client.clientId, ...(await idToken.payload()) },
      userinfo: await userinfo.result(),
    };
  }
}
