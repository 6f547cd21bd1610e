import type { EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Policy } from '#settings/module.ts';
import type { UserId } from '#users/module.ts';
import { lastFactor } from './errors.ts';

/** Whether the instance demands a second factor of this person, whatever the application asks for. */
export function isFactorDemanded(
  { enforcement }: Pick<Policy<'mfa'>, 'enforcement'>,
  { isAdministrator }: { isAdministrator: boolean },
): boolean {
  return enforcement === 'required' || (enforcement === 'administrators' && isAdministrator);
}

/** Keeps people who must have a second factor from giving up their last one. */
export class SecondFactorDemand {
  readonly #policy: () => Policy<'mfa'>;

  constructor(policy: () => Policy<'mfa'>) {
    this.#policy = policy;
  }

  /**
   * Called in the transaction that removed a factor: throws credentials.last_factor when it was the last and one is demanded. The
   * row of the person is locked, so that of two removals at once the second one sees the first.
   */
  async assertOneLeft(em: EntityManager, userId: UserId): Promise<void> {
    const id = toUuid(userId);
    const [user] = await em.execute<{ is_administrator: boolean }[]>(
      'select is_administrator from users where id = ? for update',
      [id],
    );
    const policy = this.#policy();
    if (!user || policy.emailCodes || !isFactorDemanded(policy, { isAdministrator: user.is_administrator })) return;
    const left = await em.execute<unknown[]>(
      'select 1 from totp_credential where user_id = ? union all select 1 from passkey where user_id = ? and flagged_at is null limit 1',
      [id, id],
    );
    if (left.length === 0) throw lastFactor();
  }
}
