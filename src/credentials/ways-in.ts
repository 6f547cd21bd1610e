import type { EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { UserPolicies } from '#settings/module.ts';
import type { LinkedIdentities } from '#directory/identities/module.ts';
import { lockUser, readUser, type UserId } from '#directory/users/module.ts';
import { lastWayIn } from './errors.ts';
import { beginsWith } from './methods.ts';
import { type PasskeyState, STATE_COLUMNS, type StateRow } from './passkeys/passkey-state.ts';

export type WaysInDependencies = {
  policies: UserPolicies<'signIn'>;
  identities: Pick<LinkedIdentities, 'connectionsOf'>;
  /** The slugs of the connections of the instance at which users can sign in now. */
  openConnections(): Promise<readonly string[]>;
};

/** Keeps users from locking themselves out: who can sign in neither by mail nor otherwise keeps a password, a passkey or a linked account. */
export class WaysIn {
  readonly #deps: WaysInDependencies;
  readonly #stateOf: PasskeyState;

  constructor(dependencies: WaysInDependencies, stateOf: PasskeyState) {
    this.#deps = dependencies;
    this.#stateOf = stateOf;
  }

  /**
   * Called in the transaction that took one away: throws credentials.last_way_in when it was the last. The row of the user is
   * locked, so that with two removals at once the second one sees the first.
   */
  async assertOneLeft(em: EntityManager, userId: UserId): Promise<void> {
    const { methods: opened } = (await this.#deps.policies.ofUserIn(em, userId)).signIn;
    if (beginsWith('email', opened) && (await readUser(em, userId))?.email) return;
    const id = toUuid(userId);
    await lockUser(em, userId);
    const passwords = await em.execute<unknown[]>('select 1 from password_credential where user_id = ?', [id]);
    const passkeys = await em.execute<StateRow[]>(`select ${STATE_COLUMNS} from passkey where user_id = ?`, [id]);
    const hasPassword = beginsWith('password', opened) && passwords.length > 0;
    const hasPasskey = beginsWith('passkey', opened) && passkeys.some((row) => this.#stateOf(row, userId) === 'active');
    if (hasPassword || hasPasskey) return;
    if (!beginsWith('federation', opened) || !(await this.#hasOpenIdentity(em, userId))) throw lastWayIn();
  }

  async #hasOpenIdentity(em: EntityManager, userId: UserId): Promise<boolean> {
    const linked = await this.#deps.identities.connectionsOf(em, userId);
    if (linked.length === 0) return false;
    const open = await this.#deps.openConnections();
    return linked.some((connection) => open.includes(connection));
  }
}
