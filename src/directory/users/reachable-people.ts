import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid } from '#kernel/ids.ts';
import { inTransaction } from '#kernel/postgres/in-transaction.ts';
import { canonicalEmail } from './email.ts';
import type { Profile } from './profile.ts';
import type { User } from './user.ts';
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

/** Users by an email address, primary or additional and verified: one statement, for known and unknown addresses. */
export class ReachablePeople {
  readonly #database: Pick<Database, 'sql'>;

  constructor(database: Pick<Database, 'sql'>) {
    this.#database = database;
  }

  /** `email` is the address that was asked for, as its owner wrote it. */
  async find(typed: string, em?: EntityManager): Promise<ReachablePerson | null> {
    const values = [canonicalEmail(typed) ?? ''];
    const [row] = await (em ? inTransaction<Row>(em, FIND, values) : this.#database.sql<Row>(FIND, values));
    if (!row) return null;
    const { profile, ...person } = row;
    const { locale } = profile;
    return { ...person, id: fromUuid('usr', row.id), locale };
  }
}
