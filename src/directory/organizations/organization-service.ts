import type { AuditLog, By } from '#audit/module.ts';
import { userNotFound } from '#directory/users/errors.ts';
import { lockUser, type UserId } from '#directory/users/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, newId, parseId, toUuid } from '#kernel/ids.ts';
import { containing, type Page, type PageRequest } from '#kernel/operations/list-operation.ts';
import { readSqlPage, sqlFilters } from '#kernel/operations/sql-page.ts';
import { about } from './about.ts';
import type { OrganizationCreators } from './creators.ts';
import { checkedDetails, type Details, requireSmall } from './details.ts';
import { organizationNotFound, slugTaken } from './errors.ts';
import { organizationChanged, organizationCreated, organizationResumed, organizationSuspended } from './events.ts';
import { SLUG_ATTEMPTS } from './limits.ts';
import type { MemberService } from './member-service.ts';
import { takeOrganization } from './organization-lock.ts';
import { Organization, type OrganizationId } from './organization.ts';
import type { OrganizationStatus } from './statuses.ts';
import { nextSlug, slugOf } from './slug.ts';

type Dependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  members: Pick<MemberService, 'addOwner'>;
  creators: Pick<OrganizationCreators, 'requireMayCreate'>;
};

type Metadata = Record<string, unknown>;
type NewOrganization = {
  name: string;
  /** Made of the name where it is not given. */
  slug?: string | undefined;
  metadata?: Metadata | undefined;
  publicMetadata?: Metadata | undefined;
  /** The user who owns it; none for one whose members are still to come. */
  owner?: UserId | undefined;
};
/** `slug`: one that it has or had. `search`: a part of the name or the slug. */
type OrganizationFilters = {
  search?: string | undefined;
  slug?: string | undefined;
  status?: OrganizationStatus | undefined;
};
type Changes = { [Member in keyof Details]?: Details[Member] | undefined };

const COLUMNS = `o.id, o.slug, o.name, o.status, o.closes_at as "closesAt", o.metadata, o.public_metadata as "publicMetadata",
  o.created_by as "createdBy", o.created_at as "createdAt", o.updated_at as "updatedAt"`;
type Row = Omit<Organization, 'id' | 'createdBy'> & { id: string; createdBy: string | null };
const organizationOf = (row: Row): Organization => ({
  ...row,
  id: fromUuid('org', row.id),
  createdBy: row.createdBy === null ? null : fromUuid('usr', row.createdBy),
});

/** Finds, creates, changes, suspends and resumes organizations. */
export class OrganizationService {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** In whatever state, as data that changes nothing when it is changed. */
  async findById(id: OrganizationId): Promise<Organization | null> {
    const [row] = await this.#deps.database.sql<Row>(`select ${COLUMNS} from organization o where o.id = $1`, [
      toUuid(id),
    ]);
    return row ? organizationOf(row) : null;
  }

  /** By a slug that the organization has, or had before: links and clients may still use that. */
  async findBySlug(slug: string): Promise<Organization | null> {
    const [row] = await this.#deps.database.sql<Row>(
      `select ${COLUMNS} from organization_slug s join organization o on o.id = s.organization_id where s.slug = $1`,
      [slug],
    );
    return row ? organizationOf(row) : null;
  }

  /** A page of those that match. */
  async page(
    { search, slug, status }: OrganizationFilters,
    page: PageRequest<'created_at' | 'name'>,
  ): Promise<Page<Organization>> {
    const { condition, values } = sqlFilters(
      [],
      [(named) => `o.id = (select s.organization_id from organization_slug s where s.slug = ${named})`, slug],
      ['o.status =', status],
      [(named) => `(o.name ilike ${named} or o.slug ilike ${named})`, search && containing(search)],
    );
    return readSqlPage<Row, Organization>(this.#deps.database, page, {
      statement: (what) => `select ${what} from organization o where ${condition}`,
      values,
      columns: COLUMNS,
      order: page.sort === 'name' ? ['lower(o.name)', 'o.id'] : ['o.id'],
      show: organizationOf,
    });
  }

  /** By its id or a slug. Throws organizations.not_found. */
  async require(idOrSlug: string): Promise<Organization> {
    const id = parseId('org', idOrSlug);
    const found = id === null ? await this.findBySlug(idOrSlug) : await this.findById(id);
    if (!found) throw organizationNotFound();
    return found;
  }

  /**
   * For an operator or a program. The owner, if there is one, becomes its first member.
   * Throws organizations.invalid, organizations.slug_taken, users.not_found.
   */
  async create(input: NewOrganization, by: By): Promise<Organization> {
    return this.#deps.database.transaction((em) => this.#create(em, input, by));
  }

  /** A user's own act. Throws organizations.creation_refused, organizations.too_many, and as `create` does. */
  async createOwn(owner: UserId, input: Omit<NewOrganization, 'owner'>, by: By): Promise<Organization> {
    const { database, creators } = this.#deps;
    return database.transaction(async (em) => {
      await creators.requireMayCreate(em, owner);
      return this.#create(em, { ...input, owner }, by);
    });
  }

  async #create(em: EntityManager, { owner, ...input }: NewOrganization, by: By): Promise<Organization> {
    const { clock, audit, members } = this.#deps;
    const { name, slug: asked, metadata = {}, publicMetadata = {} } = checkedDetails(given(input));
    requireSmall({ metadata, publicMetadata });
    if (owner !== undefined && !(await lockUser(em, owner))) throw userNotFound();
    const now = clock.now();
    const id: OrganizationId = newId('org');
    const slug = await this.#takeSlug(em, id, { name: name!, slug: asked });
    const organization = em.create(Organization, {
      id,
      slug,
      name: name!,
      status: 'active',
      closesAt: null,
      metadata,
      publicMetadata,
      createdBy: owner ?? null,
      createdAt: now,
      updatedAt: now,
    });
    await em.flush();
    await audit.record(em, organizationCreated({ ...by, ...about(id), details: { slug, name: name! } }));
    if (owner !== undefined) await members.addOwner(em, id, owner, by);
    return organization;
  }

  /**
   * A slug that it had before is its own again. Metadata take the place of the present ones.
   * Throws organizations.not_found, organizations.invalid, organizations.slug_taken.
   */
  async change(id: OrganizationId, wanted: Changes, by: By): Promise<Organization> {
    const { clock, database, audit } = this.#deps;
    const changes = checkedDetails(given(wanted));
    return database.transaction(async (em) => {
      const organization = await takeOrganization(em, id);
      const { name, slug } = organization;
      const members = (Object.keys(changes) as (keyof Changes)[]).filter(
        (member) => JSON.stringify(changes[member]) !== JSON.stringify(organization[member]),
      );
      if (members.length === 0) return organization;
      if (changes.slug !== undefined && changes.slug !== slug && !(await this.#claim(em, changes.slug, id)))
        throw slugTaken();
      Object.assign(organization, changes, { updatedAt: clock.now() });
      requireSmall(organization);
      await em.flush();
      const details = {
        members: members.toSorted(),
        before: { name, slug },
        after: { name: organization.name, slug: organization.slug },
      };
      await audit.record(em, organizationChanged({ ...by, ...about(id), details }));
      return organization;
    });
  }

  /** Sign-ins for it are refused, and what was issued for it ends; a closing is called off. Throws organizations.not_found. */
  async suspend(id: OrganizationId, reason: string | undefined, by: By): Promise<Organization> {
    const { clock, database, audit } = this.#deps;
    return database.transaction(async (em) => {
      const organization = await takeOrganization(em, id);
      if (organization.status === 'suspended') return organization;
      Object.assign(organization, { status: 'suspended', closesAt: null, updatedAt: clock.now() });
      await em.flush();
      const details = reason === undefined ? {} : { reason };
      await audit.record(em, organizationSuspended({ ...by, ...about(id), details }));
      return organization;
    });
  }

  /** Leaves one that is to be closed as it is. Throws organizations.not_found. */
  async resume(id: OrganizationId, by: By): Promise<Organization> {
    const { clock, database, audit } = this.#deps;
    return database.transaction(async (em) => {
      const organization = await takeOrganization(em, id);
      if (organization.status !== 'suspended') return organization;
      Object.assign(organization, { status: 'active', closesAt: null, updatedAt: clock.now() });
      await em.flush();
      await audit.record(em, organizationResumed({ ...by, ...about(id) }));
      return organization;
    });
  }

  async #takeSlug(em: EntityManager, id: OrganizationId, { name, slug }: NewOrganization): Promise<string> {
    if (slug !== undefined) {
      if (await this.#claim(em, slug, id)) return slug;
      throw slugTaken();
    }
    let made = slugOf(name);
    for (let attempt = 0; attempt < SLUG_ATTEMPTS; attempt += 1) {
      if (await this.#claim(em, made, id)) return made;
      made = nextSlug(slugOf(name));
    }
    throw slugTaken();
  }

  /** Of two that ask for one slug at once, one gets it: the other waits for the row, and then finds it taken. */
  async #claim(em: EntityManager, slug: string, id: OrganizationId): Promise<boolean> {
    const own = await em.execute<unknown[]>(
      `insert into organization_slug (slug, organization_id, taken_at) values (?, ?, ?)
       on conflict (slug) do update set slug = excluded.slug where organization_slug.organization_id = excluded.organization_id
       returning 1`,
      [slug, toUuid(id), this.#deps.clock.now()],
    );
    return own.length > 0;
  }
}

/** Without the members that are not given. */
function given(members: Changes): Partial<Details> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
