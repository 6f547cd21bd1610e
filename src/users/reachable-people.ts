import type { Database } from '#kernel/database.ts';
import { fromUuid } from '#kernel/ids.ts';
import { canonicalEmail } from './email.ts';
import type { Profile } from './profile.ts';
import type { User, UserStatus } from './user.ts';

/** What must be known of somebody to write to them; `locale` is the language that they chose. */
export type ReachablePerson = Pick<User, 'id' | 'status' | 'email' | 'emailVerified' | 'phoneNumber'> & {
  phoneNumberVerified: boolean;
  locale: string | undefined;
};

type Row = Omit<ReachablePerson, 'id' | 'status' | 'locale'> & {
  id: string;
  status: UserStatus;
  profile: Profile | string;
};

/** People by the address that somebody typed: one statement, for whoever it is and for nobody. */
export class ReachablePeople {
  readonly #database: Pick<Database, 'sql'>;

  constructor(database: Pick<Database, 'sql'>) {
    this.#database = database;
  }

  async find(typed: string): Promise<ReachablePerson | null> {
    const [row] = await this.#database.sql<Row>(
      `select id, status, email, email_verified as "emailVerified", phone_number as "phoneNumber",
         phone_number_verified as "phoneNumberVerified", profile
       from users where email_canonical = $1`,
      [canonicalEmail(typed) ?? ''],
    );
    if (!row) return null;
    const { profile, ...person } = row;
    const { locale } = typeof profile === 'string' ? (JSON.parse(profile) as Profile) : profile;
    return { ...person, id: fromUuid('usr', row.id), locale };
  }
}
