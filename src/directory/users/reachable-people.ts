import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid } from '#kernel/ids.ts';
import { inTransaction } from '#kernel/postgres/in-transaction.ts';
import { canonicalEmail } from './email.ts';
import type { Profile } from './profile.ts';
import type { User } from './user.ts';
import type { Usernames } from './usernames.ts';
import type { UserStatus } from './role.ts';

/** The data of a user for a mail to one of the user's addresses; `locale` is the chosen language. */
export type ReachablePerson = Pick<User, 'id' | 'status' | 'email' | 'emailVerified' | 'phoneNumber'> & {
  phoneNumberVerified: boolean;
  locale: string | undefined;
};

type Row = Omit<ReachablePerson, 'id' | 'status' | 'locale'> & {
  id: string;
  status: UserStatus;
  profile: Profile;
};

const FIND = `
  select id, status, email, email_verified as "emailVerified", phone_number as "phoneNumber",
    phone_number_verified as "phoneNumberVerified", profile
  from users where email_canonical = $1
  union all
  select u.id, u.status, c.value, true, u.phone_number, u.phone_number_verified, u.profile
  from contact c join users u on u.id = c.user_id
  where c.kind = 'email' and c.canonical = $1 and c.verified_at is not null and c.reserved_until is null`;

const FIND_BY_USERNAME = `
  select id, status, email, email_verified as "emailVerified", phone_number as "phoneNumber",
    phone_number_verified as "phoneNumberVerified", profile
  from users where username = $1`;

/** Users by an email address, primary or additional and verified, or by a username: one statement, for known and unknown ones. */
export class ReachablePeople {
  readonly #database: Pick<Database, 'sql'>;
  readonly #usernames: Pick<Usernames, 'read'>;

  constructor(database: Pick<Database, 'sql'>, usernames: Pick<Usernames, 'read'>) {
    this.#database = database;
    this.#usernames = usernames;
  }

  /** `email` is the address that was asked for, as its owner wrote it; for a username the primary one. */
  async find(typed: string, em?: EntityManager): Promise<ReachablePerson | null> {
    const emailCanonical = canonicalEmail(typed);
    const username = emailCanonical === null ? this.#usernames.read(typed) : null;
    const statement = username === null ? FIND : FIND_BY_USERNAME;
    const values = [username ?? emailCanonical ?? ''];
    const [row] = await (em ? inTransaction<Row>(em, statement, values) : this.#database.sql<Row>(statement, values));
    if (!row) return null;
    const { profile, ...person } = row;
    const { locale } = profile;
    return { ...person, id: fromUuid('usr', row.id), locale };
  }
}
