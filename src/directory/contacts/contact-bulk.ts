import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, newId, toUuid } from '#kernel/ids.ts';
import { claimEveryEmail, HELD } from '#directory/users/address-claims.ts';
import type { ContactKind } from './contact.ts';
import type { UserId } from '#directory/users/module.ts';

/** An additional verified email address or phone number of a user. */
export type BulkContact = { userId: UserId; kind: ContactKind; value: string; canonical: string };

/** Additional addresses and numbers of users by the hundred, one statement each time. */
export class ContactBulk {
  readonly #clock: Clock;
  readonly #database: Database;

  constructor(clock: Clock, database: Database) {
    this.#clock = clock;
    this.#database = database;
  }

  /** The contacts of these users, and of the owners of these addresses. */
  async find(em: EntityManager, by: { emails: readonly string[]; ids: readonly UserId[] }): Promise<BulkContact[]> {
    const given = (values: readonly string[]) => [JSON.stringify(values), this.#clock.now()];
    const columns = 'select user_id as "userId", kind, value, canonical from contact';
    const rows = await em.execute<BulkContact[]>(
      `${columns} where user_id in (select jsonb_array_elements_text(?::jsonb)::uuid) and ${HELD}
       union ${columns} where kind = 'email' and canonical in (select jsonb_array_elements_text(?::jsonb)) and ${HELD}`,
      [...given(by.ids.map(toUuid)), ...given(by.emails)],
    );
    return rows.map((row) => ({ ...row, userId: fromUuid('usr', row.userId) }));
  }

  async of(ids: readonly UserId[]): Promise<BulkContact[]> {
    const rows = await this.#database.sql<BulkContact>(
      `select user_id as "userId", kind, value, canonical from contact
       where user_id = any($1::uuid[]) and verified_at is not null and reserved_until is null order by created_at, id`,
      [ids.map(toUuid)],
    );
    return rows.map((row) => ({ ...row, userId: fromUuid('usr', row.userId) }));
  }

  /** Throws when another user took an address meanwhile. */
  async insert(em: EntityManager, contacts: readonly BulkContact[]): Promise<void> {
    if (contacts.length === 0) return;
    await claimEveryEmail(em);
    const now = this.#clock.now();
    const rows = JSON.stringify(
      contacts.map((row) => ({ ...row, id: toUuid(newId('cnt')), userId: toUuid(row.userId) })),
    );
    const given = `jsonb_to_recordset(?::jsonb) as r (id uuid, "userId" uuid, kind text, value text, canonical text)`;
    await em.execute(
      `delete from contact where kind = 'email' and reserved_until <= ? and canonical in (select canonical from ${given})`,
      [now, rows],
    );
    await em.execute(
      `insert into contact (id, user_id, kind, value, canonical, verified_at, created_at)
       select id, "userId", kind, value, canonical, ?, ? from ${given}
       on conflict (user_id, kind, canonical) do update set value = excluded.value, verified_at = excluded.verified_at, reserved_until = null`,
      [now, now, rows],
    );
  }
}
