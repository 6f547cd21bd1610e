import { defineEntity, p } from '@mikro-orm/core';
import { User, type UserId } from '#directory/users/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { type Id, toUuid } from '#kernel/ids.ts';
import { newOpaqueName } from './name-id.ts';
import { ServiceProvider } from './service-provider.ts';

const PersistentNameSchema = defineEntity({
  name: 'PersistentName',
  tableName: 'saml_name_id',
  uniques: [{ name: 'saml_name_id_client_value_unique', properties: ['client', 'value'] }],
  properties: {
    client: () => p.manyToOne(ServiceProvider).mapToPk().primary().fieldName('client').deleteRule('cascade'),
    userId: () =>
      p
        .manyToOne(User)
        .mapToPk()
        .primary()
        .fieldName('user_id')
        .deleteRule('cascade')
        .index('saml_name_id_user_id_index'),
    value: p.text(),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** The persistent identifier of a user at one application (table `saml_name_id`). Mapped for the drift test alone. */
export class PersistentName extends PersistentNameSchema.class {}
PersistentNameSchema.setClass(PersistentName);

/**
 * Persistent identifiers are random and stored: one that was computed from a secret would change when the secret is replaced, and every
 * user would lose the account there.
 */
export class PersistentNames {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor({ clock, database }: { clock: Clock; database: Pick<Database, 'sql'> }) {
    this.#clock = clock;
    this.#database = database;
  }

  /** Null before the first sign-in of the user at the application. */
  async find(client: Id<'client'>, userId: UserId): Promise<string | null> {
    const [row] = await this.#database.sql<{ value: string }>(
      'select value from saml_name_id where client = $1 and user_id = $2',
      [toUuid(client), toUuid(userId)],
    );
    return row?.value ?? null;
  }

  /** The identifier, made at the first sign-in. */
  async settle(client: Id<'client'>, userId: UserId): Promise<string> {
    const known = await this.find(client, userId);
    if (known !== null) return known;
    await this.#database.sql(
      'insert into saml_name_id (client, user_id, value, created_at) values ($1, $2, $3, $4) on conflict (client, user_id) do nothing',
      [toUuid(client), toUuid(userId), newOpaqueName(), this.#clock.now()],
    );
    return (await this.find(client, userId))!;
  }
}
