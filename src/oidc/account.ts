import type { Account, FindAccount } from 'oidc-provider';
import { parseId } from '#kernel/ids.ts';
import type { Policies } from '#settings/module.ts';
import { claimsOf, type KnownUsers } from '#directory/users/module.ts';
import { ABOUT, type About } from './told-claims/told-claims.ts';

/** A disabled or deleted user does not exist for the engine: no token is issued or accepted. */
export function findAccount(users: Pick<KnownUsers, 'find'>, policies: Policies<'profile'>): FindAccount {
  return async (_ctx, subject): Promise<Account | undefined> => {
    const id = parseId('usr', subject);
    const user = id && (await users.find(id));
    if (!id || !user || user.status !== 'active') return undefined;
    const { profile } = policies.for({ user: id });
    return {
      accountId: id,
      claims: (use) => {
        const about: About = { place: use === 'id_token' ? use : 'userinfo', user, profile };
        return { sub: id, ...claimsOf(user, profile.properties), [ABOUT]: about };
      },
    };
  };
}
