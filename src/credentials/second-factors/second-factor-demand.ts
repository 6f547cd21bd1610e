import { access } from '#directory/access/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Policy, UserPolicies } from '#settings/module.ts';
import { lockUser, readUser, type RoleHolder, type UserId } from '#directory/users/module.ts';
import { lastFactor } from '../errors.ts';
import { type PasskeyState, STATE_COLUMNS, type StateRow } from '../passkeys/passkey-state.ts';

/** Whether the instance demands a second factor of this user, whatever the application asks for. */
export function isFactorDemanded({ enforcement }: Pick<Policy<'mfa'>, 'enforcement'>, user: RoleHolder): boolean {
  if (enforcement === 'administrators') return access.isAdministrative(user);
  return enforcement === 'required';
}

/** Keeps users who must have a second factor from giving up their last one. */
export class SecondFactorDemand {
  readonly #policies: UserPolicies<'mfa'>;
  readonly #stateOf: PasskeyState;

  constructor(policies: UserPolicies<'mfa'>, stateOf: PasskeyState) {
    this.#policies = policies;
    this.#stateOf = stateOf;
  }

  /**
   * Called in the transaction that removed a factor: throws credentials.last_factor when it was the last that can be used and one is
   * required, by policy or by an unusable factor. The row of the user is locked, so that with two removals
   * at once the second one sees the first.
   */
  async assertOneLeft(em: EntityManager, userId: UserId): Promise<void> {
    const id = toUuid(userId);
    const user = await lockUser(em, userId);
    const policy = (await this.#policies.ofUserIn(em, userId)).mfa;
    if (!user) return;
    const passkeys = await em.execute<StateRow[]>(`select ${STATE_COLUMNS} from passkey where user_id = ?`, [id]);
    const isMailed = policy.emailCodes && Boolean((await readUser(em, userId))?.email);
    const isDemanded = !isMailed && isFactorDemanded(policy, user);
    if (!isDemanded && passkeys.length === 0) return;
    const apps = await em.execute<unknown[]>('select 1 from totp_credential where user_id = ?', [id]);
    if (apps.length === 0 && !passkeys.some((row) => this.#stateOf(row, userId) === 'active')) throw lastFactor();
  }
}
