import type { Account, FindAccount } from 'oidc-provider';
import { parseId } from '#kernel/ids.ts';
import type { Policies } from '#settings/module.ts';
import { claimsOf, type KnownUsers } from '#directory/users/module.ts';
import { PLACE } from './told-claims.ts';

/** A disabled or deleted user does not exist for the engine: no token is issued or accepted. */
export function findAccount(users: Pick<KnownUsers, 'find'>, policies: Policies<'profile'>): FindAccount {
  return async (_ctx, subject): Promise<Account | undefined> => {
    const id = parseId('usr', subject);
    const user = id && (await users.find(id));
    if (!id || !user || user.status !== 'active') return undefined;
    const { properties } = policies.for({ user: id }).profile;
    return {
      accountId: id,
      claims: (place) => ({ sub: id, ...claimsOf(user, properties), [PLACE]: place }),
    };
  };
}
