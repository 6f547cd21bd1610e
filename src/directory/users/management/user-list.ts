import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { parseId, toUuid } from '#kernel/ids.ts';
import { type Page, pageOf, type PageRequest, pageSql } from '#kernel/operations/list-operation.ts';
import { isPhoneNumber } from '#kernel/sms/number.ts';
import { canonicalEmail } from '../email.ts';
import { FLAG_COLUMN, type UserStatus } from '../role.ts';
import type { User, UserId } from '../user.ts';
import { readPhoneNumber } from '../typed/national-phone-number.ts';
import { compactPhoneNumber } from '../typed/phone-number.ts';
import { canonicalUsername } from '../username.ts';
import type { userSorts } from './user-sorts.ts';
import { USER_COLUMNS, userOf, type UserRow } from '../user-row.ts';

type Sort = (typeof userSorts)[number];

/** Members as on the wire; one that is missing restricts nothing. */
export type UserFilters = {
  search?: string | undefined;
  email?: string | undefined;
  username?: string | undefined;
  phone_number?: string | undefined;
  legacy_id?: string | undefined;
  status?: UserStatus | undefined;
  closing?: boolean | undefined;
  administrator?: boolean | undefined;
  has_second_factor?: boolean | undefined;
  organization_id?: string | undefined;
  role?: string | undefined;
  created_after?: string | undefined;
  created_before?: string | undefined;
  after?: UserId | undefined;
};

/** Gives a value its place in a statement. */
type Bind = (value: unknown) => string;

/** Queries for ids of users (`user_id`) over tables of other slices. */
type UserQueries = {
  membersOf(bind: Bind, organization: string): string;
  /** With a role of this name, directly or by groups: on the instance, or in the organization that is named. */
  holdersOf(bind: Bind, role: { name: string; organization: string | null; now: Date }): string;
  withSecondFactor(): string;
};

export type ListedUser = { user: User; lastActiveAt: Date | null };
type ListedRow = UserRow & { lastActiveAt: Date | null };
/** With the value that the page is sorted by. A page of ids has no other columns. */
type Placed = { id: string; position: string | Date };
const LISTED = 'users u left join user_activity a on a.user_id = u.id';
const listedOf = ({ lastActiveAt, ...row }: ListedRow): ListedUser => ({ user: userOf(row), lastActiveAt });

/** The expressions of the indexes, as the migration 0084 has them. An order has none that is null. */
const EMAIL = `(coalesce(u.email_canonical, '') collate "C")`;
const NAME = `(lower(coalesce(u.profile ->> 'name', coalesce(u.profile ->> 'given_name', '') || ' ' || coalesce(u.profile ->> 'family_name', ''))) collate "C")`;
const FAMILY_NAME = `(lower(u.profile ->> 'family_name') collate "C")`;
const USERNAME = '(u.username collate "C")';
const PHONE_NUMBER = '(u.phone_number collate "C")';
const orders: Readonly<Record<Sort, readonly string[]>> = {
  created_at: ['u.created_at', 'u.id'],
  email: [EMAIL, 'u.id'],
  name: [NAME, 'u.id'],
};
/** Behind every text that begins with the same characters. */
const LAST = '\u{10ffff}';
/** Matches no user. */
const NONE = 'false';

/** Lists of users, in pages that cost the same however many users there are. */
export class UserList {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;
  readonly #queries: UserQueries;

  constructor({ clock, database, queries }: { clock: Clock; database: Pick<Database, 'sql'>; queries: UserQueries }) {
    this.#clock = clock;
    this.#database = database;
    this.#queries = queries;
  }

  async page(filters: UserFilters, page: PageRequest<Sort>): Promise<Page<ListedUser>> {
    return this.#page(filters, page, {
      columns: `${USER_COLUMNS}, a.last_active_at as "lastActiveAt"`,
      from: LISTED,
      show: ({ position: _position, ...row }) => listedOf(row),
    });
  }

  /** The UUIDs of the users on a page, from the indexes alone where no filter asks for more. */
  async keys(filters: UserFilters, page: PageRequest<Sort>): Promise<Page<string>> {
    return this.#page(filters, page, { columns: 'u.id', from: 'users u', show: ({ id }) => id });
  }

  /** The users with these UUIDs who exist, in any order. */
  async among(uuids: readonly string[]): Promise<ListedUser[]> {
    const rows = await this.#database.sql<ListedRow>(
      `select ${USER_COLUMNS}, a.last_active_at as "lastActiveAt" from ${LISTED} where u.id = any($1::uuid[])`,
      [uuids],
    );
    return rows.map(listedOf);
  }

  async #page<Item>(
    filters: UserFilters,
    page: PageRequest<Sort>,
    { columns: selected, from, show }: { columns: string; from: string; show: (row: ListedRow & Placed) => Item },
  ): Promise<Page<Item>> {
    const values: unknown[] = [];
    const matching = this.#matching(filters, values);
    const counted = [...values];
    const columns = orders[page.sort];
    const { where, order } = pageSql(page, columns, values);
    const [rows, [count]] = await Promise.all([
      this.#database.sql<ListedRow & Placed>(
        `select ${selected}, ${columns[0]} as position from ${from} where ${matching} and ${where} ${order}`,
        values,
      ),
      page.wantsTotal
        ? this.#database.sql<{ total: number }>(`select count(*)::int as total from users u where ${matching}`, counted)
        : [],
    ]);
    return {
      ...pageOf(rows, page, {
        show,
        positionOf: ({ position, id }) => [position instanceof Date ? position.toISOString() : position, id],
      }),
      total: count?.total,
    };
  }

  #matching(filters: UserFilters, values: unknown[]): string {
    const bind: Bind = (value) => `$${values.push(value)}`;
    const conditions = Object.entries(filters).flatMap(([name, value]) =>
      value === undefined ? [] : [this.#conditionOf(name as keyof UserFilters, filters, bind)],
    );
    return conditions.length === 0 ? 'true' : conditions.join(' and ');
  }

  #conditionOf(name: keyof UserFilters, filters: UserFilters, bind: Bind): string {
    const { organization_id: organization = null } = filters;
    const inPlace = organization === null ? null : (parseId('org', organization) ?? '');
    const conditions: { readonly [Name in keyof UserFilters]-?: (value: NonNullable<UserFilters[Name]>) => string } = {
      search: (text) => searching(text, bind),
      email: (typed) => withEmail(canonicalEmail(typed), bind),
      username: (typed) => equal('u.username', canonicalUsername(typed), bind),
      phone_number: (typed) => equal(PHONE_NUMBER, phoneNumberOf(typed), bind),
      legacy_id: (id) => equal('u.legacy_id', id, bind),
      // As text, so that the index over the few disabled users is found.
      status: (status) => (status === 'disabled' ? `u.status = 'disabled'` : `u.status = 'active'`),
      closing: (is) => `u.deletes_at is ${is ? 'not ' : ''}null`,
      administrator: (is) => `${is ? '' : 'not '}${FLAG_COLUMN}`,
      has_second_factor: (has) => among(this.#queries.withSecondFactor(), has),
      organization_id: () => (inPlace ? among(this.#queries.membersOf(bind, toUuid(inPlace))) : NONE),
      role: (role) =>
        among(
          this.#queries.holdersOf(bind, {
            name: role,
            organization: inPlace ? toUuid(inPlace) : null,
            now: this.#clock.now(),
          }),
        ),
      created_after: (time) => `u.created_at > ${bind(time)}::timestamptz`,
      created_before: (time) => `u.created_at < ${bind(time)}::timestamptz`,
      after: (id) => `u.id > ${bind(toUuid(id))}::uuid`,
    };
    return conditions[name](filters[name] as never);
  }
}

const among = (query: string, isIn = true): string => `u.id ${isIn ? '' : 'not '}in (${query})`;

const equal = (expression: string, value: string | null, bind: Bind): string =>
  value === null ? NONE : `${expression} = ${bind(value)}`;

/** The primary address, or an additional one that is verified, as at a sign-in. */
const withEmail = (canonical: string | null, bind: Bind): string => {
  if (canonical === null) return NONE;
  const value = bind(canonical);
  return among(
    `select id from users where email_canonical = ${value}
     union all select user_id from contact
     where kind = 'email' and canonical = ${value} and verified_at is not null and reserved_until is null`,
  );
};

/** Begins with this text; as a range, which every plan finds in the index. */
function beginning(expression: string, text: string, bind: Bind): string {
  const [from, to] = [bind(text), bind(`${text}${LAST}`)];
  return `(${expression} >= lower(${from}::text) and ${expression} < lower(${to}::text))`;
}

const phoneNumberOf = (typed: string): string | null => {
  const number = compactPhoneNumber(typed);
  return isPhoneNumber(number) ? number : readPhoneNumber(typed);
};

function searching(text: string, bind: Bind): string {
  const lower = text.toLowerCase();
  const digits = compactPhoneNumber(text);
  return `(${[
    ...[EMAIL, NAME, FAMILY_NAME].map((expression) => beginning(expression, lower, bind)),
    beginning(USERNAME, canonicalUsername(text) ?? lower, bind),
    ...(/^\+\d+$/.test(digits) ? [beginning(PHONE_NUMBER, digits, bind)] : []),
    equal('u.legacy_id', text, bind),
  ].join(' or ')})`;
}
