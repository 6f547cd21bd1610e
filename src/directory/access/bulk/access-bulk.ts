import type { AuditLog, By } from '#audit/module.ts';
import type { UserId } from '#directory/users/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { EntityManager } from '#kernel/database.ts';
import { AppError } from '#kernel/errors.ts';
import { fromUuid, newId, toUuid } from '#kernel/ids.ts';
import { lockPlace, requireHeld } from '../access-scope.ts';
import { groupMemberAdded, roleAssigned } from '../events.ts';
import { type GroupId, requireGrantable } from '../group-service.ts';
import { permissionsOfRoles } from '../role-graph.ts';

type Kind = 'role' | 'group';
/** Names of roles and of groups of the instance. */
type Named = { roles: readonly string[]; groups: readonly string[] };

/** Which of these roles and groups the actor may give. */
export type Grantable = {
  /** Why none of that name is given, in words; null where it is. */
  problem(kind: Kind, name: string): string | null;
  idOf(kind: Kind, name: string): string | undefined;
};

type Found = { id: string; name: string; isBuiltIn: boolean };
type Verdict = { id: string } | { problem: string };

const NOT_GIVEN: Grantable = { problem: () => null, idOf: () => undefined };

/** Roles and groups of the instance for users by the hundred, one statement each. Rules about the users are the caller's. */
export class AccessBulk {
  readonly #clock: Clock;
  readonly #audit: Pick<AuditLog, 'recordAll'>;

  constructor(clock: Clock, audit: Pick<AuditLog, 'recordAll'>) {
    this.#clock = clock;
    this.#audit = audit;
  }

  /** To be called first in the transaction: other acts on roles and groups of the instance wait for its end. */
  async find(em: EntityManager, wanted: readonly Named[], by: By): Promise<Grantable> {
    const roles = new Set(wanted.flatMap((each) => each.roles));
    const groups = new Set(wanted.flatMap((each) => each.groups));
    if (roles.size + groups.size === 0) return NOT_GIVEN;
    await lockPlace(em, null);
    const verdicts = {
      role: await this.#judged(em, 'role', roles, by),
      group: await this.#judged(em, 'group', groups, by),
    };
    return {
      problem(kind, name) {
        const verdict = verdicts[kind].get(name) ?? { problem: 'there is none of that name' };
        return 'problem' in verdict ? `${kind}s: ${name} is not given: ${verdict.problem}` : null;
      },
      idOf(kind, name) {
        const verdict = verdicts[kind].get(name);
        return verdict && 'id' in verdict ? verdict.id : undefined;
      },
    };
  }

  /** Answers with the users who got something that they did not have. */
  async give(
    em: EntityManager,
    wanted: readonly (Named & { userId: UserId })[],
    grantable: Grantable,
    by: By,
  ): Promise<Set<UserId>> {
    const pairs = (kind: Kind) =>
      wanted.flatMap((each) =>
        (kind === 'role' ? each.roles : each.groups).flatMap((name) => {
          const id = grantable.idOf(kind, name);
          return id === undefined ? [] : [{ id: toUuid(newId('ras')), user: toUuid(each.userId), given: id, name }];
        }),
      );
    const now = this.#clock.now();
    const assigned = await written(em, pairs('role'), {
      statement: `insert into role_assignment (id, user_id, role_id, organization_id, expires_at, created_by, created_at)
        select id, "user", given, null, null, ?, ?`,
      values: [by.actor.id ?? by.actor.type, now],
      returning: 'user_id as "user", role_id as given, id',
    });
    const joined = await written(em, pairs('group'), {
      statement: 'insert into user_group_member (group_id, user_id, created_at) select given, "user", ?',
      values: [now],
      returning: 'user_id as "user", group_id as given, null as id',
    });
    const subject = (user: string) => ({ ...by, subject: { type: 'user', id: fromUuid('usr', user) } });
    await this.#audit.recordAll(em, [
      ...assigned.map(({ user, given, name, id }) =>
        roleAssigned({
          ...subject(user),
          details: {
            assignment_id: fromUuid('ras', id),
            role_id: fromUuid('rol', given),
            role: name,
            expires_at: null,
          },
        }),
      ),
      ...joined.map(({ user, given, name }) =>
        groupMemberAdded({ ...subject(user), details: { group_id: fromUuid('grp', given), group: name } }),
      ),
    ]);
    return new Set([...assigned, ...joined].map(({ user }) => fromUuid('usr', user)));
  }

  async #judged(em: EntityManager, kind: Kind, names: ReadonlySet<string>, by: By): Promise<Map<string, Verdict>> {
    const verdicts = new Map<string, Verdict>();
    if (by.may?.('access.manage') !== true) {
      for (const name of names) verdicts.set(name, { problem: 'you may not give roles (access.manage)' });
      return verdicts;
    }
    const rows = await em.execute<Found[]>(
      kind === 'role'
        ? `select id, name, is_built_in as "isBuiltIn" from role where organization_id is null and name in (select jsonb_array_elements_text(?::jsonb))`
        : `select id, name, false as "isBuiltIn" from user_group where organization_id is null and name in (select jsonb_array_elements_text(?::jsonb))`,
      [JSON.stringify([...names])],
    );
    for (const row of rows) verdicts.set(row.name, await this.#verdictOn(em, kind, row, by));
    return verdicts;
  }

  async #verdictOn(em: EntityManager, kind: Kind, { id, isBuiltIn }: Found, by: By): Promise<Verdict> {
    // A role of another system may have the name of one that rules here.
    if (isBuiltIn) return { problem: 'it is a role of Latchkey, which is given by assignment create' };
    try {
      if (kind === 'role') requireHeld(await permissionsOfRoles(em, [id]), null, by);
      else await requireGrantable(em, [fromUuid('grp', id) satisfies GroupId], this.#clock.now(), by);
      return { id };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return { problem: error.message };
    }
  }
}

type Pair = { id: string; user: string; given: string; name: string };

/** The rows that were added, with their names. */
async function written(
  em: EntityManager,
  pairs: readonly Pair[],
  { statement, values, returning }: { statement: string; values: readonly unknown[]; returning: string },
): Promise<Pair[]> {
  if (pairs.length === 0) return [];
  const rows = await em.execute<Omit<Pair, 'name'>[]>(
    `${statement} from jsonb_to_recordset(?::jsonb) as r (id uuid, "user" uuid, given uuid) on conflict do nothing returning ${returning}`,
    [...values, JSON.stringify(pairs)],
  );
  const names = new Map(pairs.map(({ given, name }) => [given, name]));
  return rows.map((row) => ({ ...row, name: names.get(row.given) ?? '' }));
}
