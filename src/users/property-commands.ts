import { z } from 'zod';
import { type AuditLog, operator } from '#audit/module.ts';
import { commandInput } from '#kernel/control.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { parseId, toUuid } from '#kernel/ids.ts';
import type { Policies, Property } from '#settings/module.ts';
import { propertiesInvalid, userNotFound } from './errors.ts';
import { valueType } from './property-fields.ts';
import { userPropertiesChanged } from './events.ts';

type Dependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  policies: Policies<'profile'>;
};

const input = z.object({ id: z.string(), set: z.record(z.string(), z.unknown()).default({}) });

/** `latchkey user properties`: what the operator keeps of a person, whoever else may see or edit it. */
export function propertyCommands({ clock, database, audit, policies }: Dependencies) {
  return {
    async 'user.properties'(given: unknown) {
      const wanted = commandInput(input, given, () => propertiesInvalid('Give the properties as a JSON object.'));
      const id = parseId('usr', wanted.id);
      if (id === null) throw userNotFound();
      const values = checked(policies.for({ user: id }).profile.properties, wanted.set);
      const removed = Object.keys(values).filter((name) => values[name] === null);
      const kept = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
      return database.transaction(async (em) => {
        const [row] = await em.execute<{ properties: Record<string, unknown> }[]>(
          `update users set properties = (properties || ?::jsonb) ${' - ?::text'.repeat(removed.length)}
           ${Object.keys(values).length > 0 ? ', updated_at = ?' : ''} where id = ? returning properties`,
          [JSON.stringify(kept), ...removed, ...(Object.keys(values).length > 0 ? [clock.now()] : []), toUuid(id)],
        );
        if (!row) throw userNotFound();
        if (Object.keys(values).length > 0)
          await audit.record(
            em,
            userPropertiesChanged({
              ...operator,
              subject: { type: 'user', id },
              details: { members: Object.keys(values) },
            }),
          );
        return { id, properties: row.properties };
      });
    },
  };
}

/** Null takes a property away, also one that the schema does not know any more. */
function checked(schema: readonly Property[], given: Readonly<Record<string, unknown>>): Record<string, unknown> {
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
