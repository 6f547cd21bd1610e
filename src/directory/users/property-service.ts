import { z } from 'zod';
import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Policies, Property } from '#settings/module.ts';
import { propertiesInvalid, userNotFound } from './errors.ts';
import { userPropertiesChanged, userPropertiesProvided } from './events.ts';
import { fitted, type ProvidedValue, valueType } from './property-fields.ts';
import type { RoleHolders } from './role-holders.ts';
import type { UserId } from './user.ts';

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  policies: Policies<'profile'>;
  roleHolders: Pick<RoleHolders, 'requireRightsOver'>;
};

/** Custom properties of users, including operator-only ones. */
export class PropertyService {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** All properties of a user. Throws users.not_found. */
  async read(id: UserId): Promise<Record<string, unknown>> {
    const [row] = await this.#deps.database.sql<{ properties: Record<string, unknown> }>(
      'select properties from users where id = $1',
      [toUuid(id)],
    );
    if (!row) throw userNotFound();
    return row.properties;
  }

  /** Sets properties, removes those that are null, and answers with all. Throws users.not_found, users.properties_invalid, users.rights_missing. */
  async change(id: UserId, set: Readonly<Record<string, unknown>>, by: By): Promise<Record<string, unknown>> {
    const { clock, database, audit, policies, roleHolders } = this.#deps;
    const values = checkedProperties(policies.for({ user: id }).profile.properties, set);
    const removed = Object.keys(values).filter((name) => values[name] === null);
    const kept = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
    const changes = Object.keys(values).length > 0;
    if (changes) await roleHolders.requireRightsOver(id, by);
    return database.transaction(async (em) => {
      const [row] = await em.execute<{ properties: Record<string, unknown> }[]>(
        `update users set properties = (properties || ?::jsonb) ${' - ?::text'.repeat(removed.length)}
         ${changes ? ', updated_at = ?' : ''} where id = ? returning properties`,
        [JSON.stringify(kept), ...removed, ...(changes ? [clock.now()] : []), toUuid(id)],
      );
      if (!row) throw userNotFound();
      if (changes)
        await audit.record(
          em,
          userPropertiesChanged({ ...by, subject: { type: 'user', id }, details: { members: Object.keys(values) } }),
        );
      return row.properties;
    });
  }
}

/** Properties that identity providers say about users. */
export class ProvidedProperties {
  readonly #deps: Omit<Dependencies, 'roleHolders'>;

  constructor(dependencies: Omit<Dependencies, 'roleHolders'>) {
    this.#deps = dependencies;
  }

  /**
   * Writes the values that fit; others are left out and named in the event. `keeps`: a property that the user has stays as it is.
   * Without a difference nothing is written.
   */
  async write(
    id: UserId,
    {
      connection,
      values,
      keeps,
    }: { connection: string; values: Readonly<Record<string, ProvidedValue>>; keeps: boolean },
    by: By,
  ): Promise<void> {
    const { clock, database, audit, policies } = this.#deps;
    const schema = policies.for({ user: id }).profile.properties;
    const read = Object.entries(values)
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([name, value]) => {
        const property = schema.find((known) => known.name === name);
        return [name, property && fitted(property, value)] as const;
      });
    const fitting = Object.fromEntries(read.filter(([, value]) => value !== undefined));
    const refused = read.filter(([, value]) => value === undefined).map(([name]) => name);
    await database.transaction(async (em) => {
      const [row] = await em.execute<{ properties: Record<string, unknown> }[]>(
        'select properties from users where id = ? for update',
        [toUuid(id)],
      );
      const changed = Object.entries(fitting).filter(
        ([name, value]) => row && row.properties[name] !== value && !(keeps && Object.hasOwn(row.properties, name)),
      );
      if (changed.length > 0)
        await em.execute('update users set properties = properties || ?::jsonb, updated_at = ? where id = ?', [
          JSON.stringify(Object.fromEntries(changed)),
          clock.now(),
          toUuid(id),
        ]);
      if (!row || changed.length + refused.length === 0) return;
      const details = { connection, members: changed.map(([name]) => name), refused };
      await audit.record(em, userPropertiesProvided({ ...by, subject: { type: 'user', id }, details }));
    });
  }
}

/**
 * Values of properties as operators give them. Null takes a property away, also one that the schema does not know any more.
 * Throws users.properties_invalid.
 */
export function checkedProperties(
  schema: readonly Property[],
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      if (value === null) return [name, null];
      const property = schema.find((known) => known.name === name);
      if (!property) throw propertiesInvalid(`There is no property ${name}. settings list shows profile.properties.`);
      const parsed = jsonType(property).safeParse(value);
      if (!parsed.success) throw propertiesInvalid(`${name} must be a ${property.type}.`);
      return [name, parsed.data];
    }),
  );
}

function jsonType(property: Property): z.ZodType {
  if (property.type === 'number') return z.number();
  return property.type === 'boolean' ? z.boolean() : valueType(property);
}
