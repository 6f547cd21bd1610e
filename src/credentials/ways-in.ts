import type { EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import { instance, type Policies, type UserPolicies } from '#settings/module.ts';
import type { LinkedIdentities } from '#directory/identities/module.ts';
import { activeAmong, lockUser, readUser, type UserId } from '#directory/users/module.ts';
import { lastWayIn } from './errors.ts';
import { STRANDED_BATCH } from './limits.ts';
import { beginsWith } from './methods.ts';
import { type PasskeyState, STATE_COLUMNS, type StateRow } from './passkeys/passkey-state.ts';

export type WaysInDependencies = {
  policies: Policies<'signIn'> & UserPolicies<'signIn'>;
  identities: Pick<LinkedIdentities, 'connectionsOf' | 'ownersOnlyAt'>;
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
    const opened = openedBy((await this.#deps.policies.ofUserIn(em, userId)).signIn.methods);
    if (opened.email && (await readUser(em, userId))?.email) return;
    const id = toUuid(userId);
    await lockUser(em, userId);
    const passwords = await em.execute<unknown[]>('select 1 from password_credential where user_id = ?', [id]);
    const passkeys = await em.execute<StateRow[]>(`select ${STATE_COLUMNS} from passkey where user_id = ?`, [id]);
    const hasPassword = opened.password && passwords.length > 0;
    const hasPasskey = opened.passkey && passkeys.some((row) => this.#stateOf(row, userId) === 'active');
    if (hasPassword || hasPasskey) return;
    if (!opened.federation || !(await this.#hasOpenIdentity(em, userId))) throw lastWayIn();
  }

  /**
   * Active users who could not come back without a connection: no other one of these, no password, no passkey, and no mail that would help.
   * At most `most` of them.
   */
  async findStranded(
    em: EntityManager,
    { slug, organizationId: organization }: { slug: string; organizationId: string | null },
    { others, most }: { others: readonly string[]; most: number },
  ): Promise<{ id: UserId; name: string }[]> {
    const { identities, policies } = this.#deps;
    const opened = openedBy(policies.for(organization === null ? instance : { organization }).signIn.methods);
    const withoutEmail = opened.email || opened.password;
    const stranded: { id: UserId; name: string }[] = [];
    let after: UserId | null = null;
    while (stranded.length < most) {
      const batch = await identities.ownersOnlyAt(em, slug, { others, after, limit: STRANDED_BATCH });
      const proved = await this.#withCredential(em, batch, opened);
      const left = batch.filter((id) => !proved.has(id));
      stranded.push(...(left.length === 0 ? [] : await activeAmong(em, left, { withoutEmail })));
      if (batch.length < STRANDED_BATCH) break;
      after = batch.at(-1)!;
    }
    return stranded.slice(0, most);
  }

  /** The users among these with a password or a passkey that signs in. */
  async #withCredential(
    em: EntityManager,
    ids: readonly UserId[],
    opened: ReturnType<typeof openedBy>,
  ): Promise<Set<UserId>> {
    const given = [`{${ids.map(toUuid).join(',')}}`];
    type Owned = { user_id: string };
    const passwords = opened.password
      ? await em.execute<Owned[]>('select user_id from password_credential where user_id = any(?::uuid[])', given)
      : [];
    const passkeys = opened.passkey
      ? await em.execute<(Owned & StateRow)[]>(
          `select user_id, ${STATE_COLUMNS} from passkey where user_id = any(?::uuid[])`,
          given,
        )
      : [];
    const active = passkeys.filter((row) => this.#stateOf(row, fromUuid('usr', row.user_id)) === 'active');
    return new Set([...passwords, ...active].map((row) => fromUuid('usr', row.user_id)));
  }

  async #hasOpenIdentity(em: EntityManager, userId: UserId): Promise<boolean> {
    const linked = await this.#deps.identities.connectionsOf(em, userId);
    if (linked.length === 0) return false;
    const open = await this.#deps.openConnections();
    return linked.some((connection) => open.includes(connection));
  }
}

/** The ways to sign in that a policy opens. */
const openedBy = (methods: Parameters<typeof beginsWith>[1]) => ({
  email: beginsWith('email', methods),
  password: beginsWith('password', methods),
  passkey: beginsWith('passkey', methods),
  federation: beginsWith('federation', methods),
});
