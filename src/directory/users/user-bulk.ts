import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import { claimEveryEmail, HELD } from './address-claims.ts';
import type { Profile } from './profile.ts';
import type { UserId } from './user.ts';
import type { UserStatus } from './role.ts';

/** A user as files have them. */
export type BulkUser = {
  id: UserId;
  status: UserStatus;
  /** Null for a user with a username alone. */
  email: string | null;
  emailCanonical: string | null;
  emailVerified: boolean;
  username: string | null;
  usernameSkeleton: string | null;
  /** The id of the user in the system before this one. */
  legacyId: string | null;
  phoneNumber: string | null;
  phoneNumberVerified: boolean;
  profile: Profile;
  properties: Record<string, unknown>;
  /** The next sign-in sets a new password. */
  passwordUpdateRequired: boolean;
  createdAt: string;
};

const COLUMNS = `id, status, email, email_canonical as "emailCanonical", email_verified as "emailVerified", username, username_skeleton as "usernameSkeleton", legacy_id as "legacyId",
  phone_number as "phoneNumber", phone_number_verified as "phoneNumberVerified", profile, properties, password_update_required as "passwordUpdateRequired",
  to_char(created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "createdAt"`;
const GIVEN = `jsonb_to_recordset(?::jsonb) as r (id uuid, status text, email text, "emailCanonical" text, "emailVerified" boolean, username text, "usernameSkeleton" text, "legacyId" text,
  "phoneNumber" text, "phoneNumberVerified" boolean, profile jsonb, properties jsonb, "passwordUpdateRequired" boolean, "createdAt" timestamptz)`;

/** Users by the hundred, one statement each time, whatever their number. Rules and events are the caller's. */
export class UserBulk {
  readonly #clock: Clock;
  readonly #database: Database;

  constructor(clock: Clock, database: Database) {
    this.#clock = clock;
    this.#database = database;
  }

  /** All users with one of these addresses, ids, ids of the system before, or skeletons of usernames. */
  async find(
    em: EntityManager,
    by: {
      emails: readonly string[];
      ids: readonly UserId[];
      legacyIds: readonly string[];
      skeletons: readonly string[];
    },
  ): Promise<BulkUser[]> {
    const rows = await em.execute<BulkUser[]>(
      // Apart, so that each finds its index.
      `select ${COLUMNS} from users where id in (
         select u.id from jsonb_array_elements_text(?::jsonb) as e (value) join users u on u.email_canonical = e.value
         union select u.id from jsonb_array_elements_text(?::jsonb) as l (value) join users u on u.legacy_id = l.value
         union select u.id from jsonb_array_elements_text(?::jsonb) as s (value) join users u on u.username_skeleton = s.value
         union select jsonb_array_elements_text(?::jsonb)::uuid)`,
      [
        JSON.stringify(by.emails),
        JSON.stringify(by.legacyIds),
        JSON.stringify(by.skeletons),
        JSON.stringify(by.ids.map(toUuid)),
      ],
    );
    return rows.map(readRow);
  }

  /** The added users; users whose address or id was taken meanwhile are left out. */
  async insert(em: EntityManager, people: readonly BulkUser[]): Promise<Set<UserId>> {
    await claimEveryEmail(em);
    const rows = await em.execute<{ id: string }[]>(
      `insert into users (id, status, email, email_canonical, email_verified, username, username_skeleton, legacy_id, phone_number, phone_number_verified, profile, properties,
         is_administrator, password_update_required, created_at, updated_at)
       select id, status, email, "emailCanonical", "emailVerified", username, "usernameSkeleton", "legacyId", "phoneNumber", "phoneNumberVerified", profile, properties,
         false, "passwordUpdateRequired", "createdAt", ? from ${GIVEN}
       where not exists (select 1 from contact where kind = 'email' and ${HELD} and canonical = r."emailCanonical")
       on conflict do nothing returning id`,
      [this.#clock.now(), asJson(people), this.#clock.now()],
    );
    return new Set(rows.map(({ id }) => fromUuid('usr', id)));
  }

  /** For users who just got a password from a file, which they are to replace. */
  async demandNewPasswords(em: EntityManager, ids: readonly UserId[]): Promise<void> {
    if (ids.length === 0) return;
    await em.execute(
      'update users set password_update_required = true where id in (select jsonb_array_elements_text(?::jsonb)::uuid)',
      [JSON.stringify(ids.map(toUuid))],
    );
  }

  /** Status is not changed here: it ends what a user holds. */
  async update(em: EntityManager, people: readonly BulkUser[]): Promise<void> {
    if (people.length === 0) return;
    await em.execute(
      `update users u set email = r.email, email_verified = r."emailVerified", username = r.username, username_skeleton = r."usernameSkeleton", legacy_id = r."legacyId", phone_number = r."phoneNumber",
         phone_number_verified = r."phoneNumberVerified", profile = r.profile, properties = r.properties, updated_at = ?
       from ${GIVEN} where u.id = r.id`,
      [this.#clock.now(), asJson(people)],
    );
  }

  /** The next users by id, for a walk over all of them. */
  async page(after: UserId | null, limit: number): Promise<BulkUser[]> {
    const rows = await this.#database.sql<BulkUser>(
      `select ${COLUMNS} from users where $1::uuid is null or id > $1::uuid order by id limit $2`,
      [after === null ? null : toUuid(after), limit],
    );
    return rows.map(readRow);
  }
}

const asJson = (people: readonly BulkUser[]) =>
  JSON.stringify(people.map((user) => ({ ...user, id: toUuid(user.id) })));

function readRow(row: BulkUser): BulkUser {
  return { ...row, id: fromUuid('usr', row.id) };
}
