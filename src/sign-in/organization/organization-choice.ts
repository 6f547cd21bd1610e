import { defineEntity, p } from '@mikro-orm/core';
import { Organization, type OrganizationId } from '#directory/organizations/module.ts';
import { User, type UserId } from '#directory/users/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { fromUuid, parseId, toUuid } from '#kernel/ids.ts';

const OrganizationChoiceSchema = defineEntity({
  name: 'OrganizationChoice',
  tableName: 'organization_choice',
  properties: {
    userId: () =>
      p.manyToOne(User).mapToPk().primary().fieldName('user_id').deleteRule('cascade').updateRule('no action'),
    clientId: p.text().primary(),
    organizationId: () =>
      p
        .manyToOne(Organization)
        .mapToPk()
        .fieldName('organization_id')
        .deleteRule('cascade')
        .updateRule('no action')
        .index('organization_choice_organization_id_index'),
    chosenAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** The organization that a user chose last at a client (table `organization_choice`). */
export class OrganizationChoice extends OrganizationChoiceSchema.class {}
OrganizationChoiceSchema.setClass(OrganizationChoice);

/** Remembers which organization a user chose at each client, so that the next sign-in need not ask. */
export class OrganizationChoices {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  /** Null when nothing was chosen. The user may have left the organization since. */
  async find(accountId: string, clientId: string): Promise<OrganizationId | null> {
    const userId = parseId('usr', accountId);
    if (userId === null) return null;
    const [row] = await this.#database.sql<{ organizationId: string }>(
      'select organization_id as "organizationId" from organization_choice where user_id = $1 and client_id = $2',
      [toUuid(userId), clientId],
    );
    return row === undefined ? null : fromUuid('org', row.organizationId);
  }

  async remember(userId: UserId, clientId: string, organizationId: OrganizationId): Promise<void> {
    await this.#database.sql(
      `insert into organization_choice (user_id, client_id, organization_id, chosen_at) values ($1, $2, $3, $4)
       on conflict (user_id, client_id) do update set organization_id = excluded.organization_id, chosen_at = excluded.chosen_at`,
      [toUuid(userId), clientId, toUuid(organizationId), this.#clock.now()],
    );
  }
}
