import type { AuditLog, By } from '#audit/module.ts';
import {
  lockOrganization,
  type MemberService,
  type OrganizationId,
  type OrganizationStatus,
} from '#directory/organizations/module.ts';
import type { User, UserId } from '#directory/users/module.ts';
import { type Clock, fromNow } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { AppError } from '#kernel/errors.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import type { Page, PageRequest } from '#kernel/operations/list-operation.ts';
import { readSqlPage } from '#kernel/operations/sql-page.ts';
import { domainOf } from './domain-name.ts';
import type { Joining as JoiningMode, JoinState } from './domain.ts';
import { joinNotOffered, joinRefused, joinRequestNotFound } from './errors.ts';
import { organizationJoinRequested, organizationJoinRefused } from './events.ts';
import type { JoinNotices } from './join-notices.ts';
import type { KnownDomains } from './known-domains.ts';
import { ASK_AGAIN_AFTER, ROLE_OF_JOINED } from './limits.ts';

type Joiner = Pick<User, 'id' | 'emailCanonical' | 'emailVerified' | 'status'>;
/** `state`: of an earlier request to this organization. */
type JoinOffer = { organizationId: OrganizationId; state: 'none' | 'asked' | 'refused' };
export type JoinRequest = { userId: UserId; email: string; createdAt: Date };
type JoinRow = Omit<JoinRequest, 'userId'> & { userId: string };
const COLUMNS = 'user_id as "userId", email, created_at as "createdAt"';
const shown = (row: JoinRow): JoinRequest => ({ ...row, userId: fromUuid('usr', row.userId) });

type Dependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  members: Pick<MemberService, 'addIn' | 'isMember'>;
  roles: { requireGivable(roles: readonly string[], organizationId: OrganizationId, by: By): Promise<void> };
  known: Pick<KnownDomains, 'ownerOf'>;
  notices: Pick<JoinNotices, 'ofRequest' | 'ofAnswer'>;
};

/** Users with a verified email address at a domain of an organization: they join it, or ask to. */
export class JoiningService {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /**
   * Makes a user who signs in a member where the domain says so: once, so that a user who left or was removed stays away. For a user
   * of another domain it asks memory alone. Answers the organization that was joined.
   */
  async joinBySignIn(user: Joiner, by: By): Promise<OrganizationId | null> {
    const owner = await this.#ownerFor(user);
    if (owner?.joining !== 'join') return null;
    const { organizationId } = owner;
    if ((await this.#stateOf(organizationId, user.id)) !== null) return null;
    return this.#deps.database.transaction(async (em) => {
      if (!(await this.#isOffered(em, organizationId, user, ['join']))) return null;
      const first = await em.execute<unknown[]>(
        `insert into organization_join (organization_id, user_id, state, email, created_at, decided_at)
         values (?, ?, 'joined', ?, ?, ?) on conflict (organization_id, user_id) do nothing returning 1`,
        [toUuid(organizationId), toUuid(user.id), user.emailCanonical, this.#deps.clock.now(), this.#deps.clock.now()],
      );
      if (first.length === 0) return null;
      return (await this.#becomeMember(em, organizationId, user.id, by)) ? organizationId : null;
    });
  }

  /** The organization that this user may ask to join. Null for a member, and for a domain without such an organization. */
  async offerTo(user: Joiner): Promise<JoinOffer | null> {
    const owner = await this.#ownerFor(user);
    if (owner === null || owner.joining === 'off') return null;
    const { organizationId } = owner;
    if (await this.#deps.members.isMember(organizationId, user.id)) return null;
    const state = await this.#stateOf(organizationId, user.id);
    return { organizationId, state: state === 'asked' || state === 'refused' ? state : 'none' };
  }

  /** A second request changes nothing. Throws domains.join_not_offered, domains.join_refused. */
  async ask(user: Joiner, organizationId: OrganizationId, by: By): Promise<void> {
    const { clock, database, audit, members } = this.#deps;
    if (await members.isMember(organizationId, user.id)) throw joinNotOffered();
    const tell = await this.#deps.notices.ofRequest(organizationId, user.id);
    await database.transaction(async (em) => {
      if (!(await this.#isOffered(em, organizationId, user, ['join', 'ask']))) throw joinNotOffered();
      // A user who joined once and is no member any more asks like any other.
      const asked = await em.execute<unknown[]>(
        `insert into organization_join as j (organization_id, user_id, state, email, created_at) values (?, ?, 'asked', ?, ?)
         on conflict (organization_id, user_id) do update
         set state = 'asked', email = excluded.email, created_at = excluded.created_at, decided_at = null
         where j.state = 'joined' or (j.state = 'refused' and j.decided_at <= ?) returning 1`,
        [toUuid(organizationId), toUuid(user.id), user.emailCanonical, clock.now(), fromNow(clock, -ASK_AGAIN_AFTER)],
      );
      if (asked.length > 0) {
        const details = { email: user.emailCanonical ?? '' };
        await audit.record(em, organizationJoinRequested({ ...by, ...about(organizationId, user.id), details }));
        await tell(em);
        return;
      }
      const [present] = await em.execute<{ state: JoinState }[]>(
        'select state from organization_join where organization_id = ? and user_id = ?',
        [toUuid(organizationId), toUuid(user.id)],
      );
      if (present?.state !== 'asked') throw joinRefused();
    });
  }

  /** A page of the open requests. */
  async page(organizationId: OrganizationId, page: PageRequest<'user_id' | 'created_at'>): Promise<Page<JoinRequest>> {
    return readSqlPage<JoinRow, JoinRequest>(this.#deps.database, page, {
      statement: (what) => `select ${what} from organization_join where organization_id = $1 and state = 'asked'`,
      values: [toUuid(organizationId)],
      columns: COLUMNS,
      order: page.sort === 'user_id' ? ['user_id'] : ['created_at', 'user_id'],
      show: shown,
    });
  }

  /** The open request of a user. Throws domains.join_request_not_found. */
  async require(organizationId: OrganizationId, userId: UserId): Promise<JoinRequest> {
    const [row] = await this.#deps.database.sql<JoinRow>(
      `select ${COLUMNS} from organization_join where organization_id = $1 and user_id = $2 and state = 'asked'`,
      [toUuid(organizationId), toUuid(userId)],
    );
    if (!row) throw joinRequestNotFound();
    return shown(row);
  }

  /** The number of open requests to each of these organizations that has any. */
  async countRequests(organizationIds: readonly OrganizationId[]): Promise<ReadonlyMap<OrganizationId, number>> {
    const rows = await this.#deps.database.sql<{ id: string; count: number }>(
      `select organization_id as id, count(*)::int as count from organization_join
       where organization_id = any($1::uuid[]) and state = 'asked' group by organization_id`,
      [organizationIds.map(toUuid)],
    );
    return new Map(rows.map(({ id, count }) => [fromUuid('org', id), count]));
  }

  /** Throws domains.join_request_not_found, and what adding a member and giving a role throws. */
  async approve(organizationId: OrganizationId, userId: UserId, by: By): Promise<void> {
    await this.#deps.roles.requireGivable([ROLE_OF_JOINED], organizationId, by);
    const tell = await this.#deps.notices.ofAnswer(organizationId, userId, 'approved');
    await this.#decide(organizationId, userId, 'joined', async (em) => {
      await this.#becomeMember(em, organizationId, userId, by);
      await tell(em);
    });
  }

  /** Throws domains.join_request_not_found. */
  async refuse(organizationId: OrganizationId, userId: UserId, by: By): Promise<void> {
    const tell = await this.#deps.notices.ofAnswer(organizationId, userId, 'refused');
    await this.#decide(organizationId, userId, 'refused', async (em) => {
      await this.#deps.audit.record(em, organizationJoinRefused({ ...by, ...about(organizationId, userId) }));
      await tell(em);
    });
  }

  /** Of two administrators who decide at once, one does. */
  async #decide(
    organizationId: OrganizationId,
    userId: UserId,
    state: JoinState,
    work: (em: EntityManager) => Promise<void>,
  ): Promise<void> {
    await this.#deps.database.transaction(async (em) => {
      await lockOrganization(em, organizationId);
      const decided = await em.execute<unknown[]>(
        `update organization_join set state = ?, decided_at = ?
         where organization_id = ? and user_id = ? and state = 'asked' returning 1`,
        [state, this.#deps.clock.now(), toUuid(organizationId), toUuid(userId)],
      );
      if (decided.length === 0) throw joinRequestNotFound();
      await work(em);
    });
  }

  /** False for a user who is a member already, by an invitation for example. */
  async #becomeMember(em: EntityManager, organizationId: OrganizationId, userId: UserId, by: By): Promise<boolean> {
    try {
      await this.#deps.members.addIn(em, organizationId, userId, [ROLE_OF_JOINED], 'domain', by);
      return true;
    } catch (error) {
      if (error instanceof AppError && error.code === 'organizations.already_member') return false;
      throw error;
    }
  }

  async #ownerFor({ emailCanonical, emailVerified, status }: Joiner) {
    return emailVerified && emailCanonical && status === 'active'
      ? this.#deps.known.ownerOf(domainOf(emailCanonical))
      : null;
  }

  /**
   * As the transaction sees it: memory may be a moment old, and the organization may be suspended. Locks the organization, ahead of
   * what is written, as every act on its members does.
   */
  async #isOffered(
    em: EntityManager,
    organizationId: OrganizationId,
    { emailCanonical, emailVerified }: Joiner,
    modes: readonly JoiningMode[],
  ): Promise<boolean> {
    if (!emailVerified || !emailCanonical || (await statusOf(em, organizationId)) !== 'active') return false;
    const rows = await em.execute<{ joining: JoiningMode }[]>(
      `select d.joining from organization_domain d
       where d.organization_id = ? and d.domain = ? and d.verified_at is not null`,
      [toUuid(organizationId), domainOf(emailCanonical)],
    );
    return rows.some(({ joining }) => modes.includes(joining));
  }

  async #stateOf(organizationId: OrganizationId, userId: UserId): Promise<JoinState | null> {
    const [row] = await this.#deps.database.sql<{ state: JoinState }>(
      'select state from organization_join where organization_id = $1 and user_id = $2',
      [toUuid(organizationId), toUuid(userId)],
    );
    return row?.state ?? null;
  }
}

const about = (organizationId: OrganizationId, userId: UserId) => ({
  subject: { type: 'user', id: userId },
  organizationId,
});

/** Null for an organization that was erased meanwhile. */
async function statusOf(em: EntityManager, organizationId: OrganizationId): Promise<OrganizationStatus | null> {
  try {
    return (await lockOrganization(em, organizationId)).status;
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}
