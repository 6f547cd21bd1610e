import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { PersonDetails } from './property-fields.ts';
import type { UserId } from './user.ts';
import { userProfileCompleted, userTermsAccepted, userTermsRefused } from './events.ts';

/** Data that users add during a sign-in: required fields, and the acceptance of the terms. */
export class ProfileCompletion {
  readonly #clock: Clock;
  readonly #database: Database;
  readonly #audit: Pick<AuditLog, 'record'>;

  constructor(clock: Clock, database: Database, audit: Pick<AuditLog, 'record'>) {
    this.#clock = clock;
    this.#database = database;
    this.#audit = audit;
  }

  /** Adds answers to what is known; other claims and properties stay. */
  async complete(id: UserId, { profile, properties }: PersonDetails, by: By): Promise<void> {
    const members = [...Object.keys(profile), ...Object.keys(properties)];
    if (members.length === 0) return;
    await this.#database.transaction(async (em) => {
      await em.execute(
        'update users set profile = profile || ?::jsonb, properties = properties || ?::jsonb, updated_at = ? where id = ?',
        [JSON.stringify(profile), JSON.stringify(properties), this.#clock.now(), toUuid(id)],
      );
      await this.#audit.record(
        em,
        userProfileCompleted({
          ...by,
          subject: { type: 'user', id },
          details: { members },
        }),
      );
    });
  }

  async acceptTerms(id: UserId, version: string, by: By): Promise<void> {
    const now = this.#clock.now();
    await this.#database.transaction(async (em) => {
      await em.execute('update users set terms_version = ?, terms_accepted_at = ?, updated_at = ? where id = ?', [
        version,
        now,
        now,
        toUuid(id),
      ]);
      await this.#audit.record(
        em,
        userTermsAccepted({
          ...by,
          subject: { type: 'user', id },
          details: { version },
        }),
      );
    });
  }

  async refuseTerms(id: UserId, version: string, by: By): Promise<void> {
    await this.#database.transaction((em) =>
      this.#audit.record(
        em,
        userTermsRefused({
          ...by,
          subject: { type: 'user', id },
          outcome: 'failure',
          details: { version },
        }),
      ),
    );
  }
}
