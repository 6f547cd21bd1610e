import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Profile } from './profile.ts';
import type { User, UserId } from './user.ts';
import { userProfileChanged } from './events.ts';

/** A change of a user's profile; null removes a member, a missing member stays. */
type DetailsChange = {
  profile?: { readonly [M in keyof Profile]?: Profile[M] | null };
  properties?: Readonly<Record<string, unknown>>;
  theme?: User['theme'];
};

/** The profile of a user. */
export class OwnDetails {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'transaction'>;
  readonly #audit: Pick<AuditLog, 'record'>;

  constructor(clock: Clock, database: Pick<Database, 'transaction'>, audit: Pick<AuditLog, 'record'>) {
    this.#clock = clock;
    this.#database = database;
    this.#audit = audit;
  }

  /** The record names what changed and never the values: it outlives them. */
  async change(id: UserId, { profile = {}, properties = {}, theme }: DetailsChange, by: By): Promise<void> {
    const members = [...Object.keys(profile), ...Object.keys(properties), ...(theme === undefined ? [] : ['theme'])];
    if (members.length === 0) return;
    await this.#database.transaction(async (em) => {
      await em.execute(
        `update users set profile = jsonb_strip_nulls(profile || ?::jsonb), properties = jsonb_strip_nulls(properties || ?::jsonb),
           theme = case when ? then ?::text else theme end, updated_at = ? where id = ?`,
        [
          JSON.stringify(profile),
          JSON.stringify(properties),
          theme !== undefined,
          theme ?? null,
          this.#clock.now(),
          toUuid(id),
        ],
      );
      await this.#audit.record(
        em,
        userProfileChanged({
          ...by,
          subject: { type: 'user', id },
          details: { members },
        }),
      );
    });
  }
}
