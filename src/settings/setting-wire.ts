/** A setting as operations show one. */
import { z } from 'zod';
import { inputOf, takenBy } from '#kernel/operations/schema-words.ts';
import { meanings } from './meanings.ts';
import { type PolicyInForce, type Section, sections } from './policies.ts';

export const settingSchema = z.strictObject({
  name: z.string().describe('Section and member, such as oidc.registration'),
  section: z.string(),
  meaning: z.string(),
  takes: z.string().describe('The values that it takes, in words'),
  schema: z.record(z.string(), z.unknown()).describe('The same as JSON Schema'),
  value: z.unknown().describe('The value in force; null where none is set and there is no default'),
  default: z.unknown().describe('Null where it has none'),
  is_default: z.boolean(),
});

type Shown = z.output<typeof settingSchema>;
type Declared = Omit<Shown, 'value' | 'is_default'>;

let declared: ReadonlyMap<string, Declared> | undefined;

/** The value in force of every setting, by name, with its meaning. */
export function settingsOnWire(policy: PolicyInForce): Shown[] {
  declared ??= new Map(Object.keys(sections).flatMap((section) => declarationsOf(section as Section)));
  return [...declared.values()].map((each) => {
    const [section, member] = each.name.split('.') as [Section, string];
    const value = (policy[section] as Readonly<Record<string, unknown>>)[member] ?? null;
    return { ...each, value, is_default: JSON.stringify(value) === JSON.stringify(each.default) };
  });
}

function declarationsOf(section: Section): [string, Declared][] {
  const defaults: Readonly<Record<string, unknown>> = sections[section].parse({});
  const words: Readonly<Record<string, string>> = meanings[section];
  return Object.entries<z.ZodType>(sections[section].shape).map(([member, schema]) => {
    const name = `${section}.${member}`;
    const { takes, shape } = { takes: takenBy(schema), shape: inputOf(schema) };
    return [
      name,
      { name, section, meaning: words[member] ?? '', takes, schema: shape, default: defaults[member] ?? null },
    ];
  });
}
