/** The accepted values of a zod schema, and the error of a value, as text that follows the name of a member. */
import { z } from 'zod';

type RawIssue = z.core.$ZodRawIssue;
type Described = Pick<z.core.JSONSchema.JSONSchema, 'type' | 'enum' | 'const' | 'default' | 'format'> &
  Pick<z.core.JSONSchema.JSONSchema, 'minimum' | 'maximum' | 'minLength' | 'maxLength' | 'minItems' | 'maxItems'>;

const expectedWords: Readonly<Record<string, string>> = {
  string: 'must be text',
  number: 'must be a number',
  int: 'must be a whole number',
  boolean: 'must be true or false',
  array: 'must be a list',
  object: 'must be an object',
  record: 'must be an object',
};

const issueWords: { readonly [Code in RawIssue['code']]?: (issue: Extract<RawIssue, { code: Code }>) => string } = {
  invalid_type: ({ input, expected }) =>
    input === undefined ? 'must be given' : (expectedWords[expected] ?? 'is not valid'),
  invalid_value: ({ values }) => `must be ${oneOf(values)}`,
  too_small: ({ origin, minimum }) => `must ${extent(origin, 'at least', Number(minimum))}`,
  too_big: ({ origin, maximum }) => `must ${extent(origin, 'at most', Number(maximum))}`,
  invalid_format: () => 'has the wrong form',
};

/** The error texts as an error map of zod. A schema with its own text keeps it. */
export function inWords(issue: RawIssue): string {
  const words = issueWords[issue.code] as ((issue: RawIssue) => string) | undefined;
  return words?.(issue) ?? 'is not valid';
}

/** The input that a schema takes, as JSON Schema. */
export const inputOf = (schema: z.ZodType): Record<string, unknown> => {
  const {
    $schema: _version,
    '~standard': _standard,
    ...described
  } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return described;
};

/** The accepted values of a number, a choice, a boolean, text or a list: `must be a whole number from 8 to 64, such as 15`. */
export function takenBy(schema: z.ZodType): string {
  const described = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Described;
  const example = exampleOf(described);
  return `must be ${kindOf(described)}${example === undefined ? '' : `, such as ${JSON.stringify(example)}`}`;
}

const kindWords: Readonly<Record<string, (described: Described) => string>> = {
  boolean: () => 'true or false',
  integer: ({ minimum, maximum }) => `a whole number${range(minimum, maximum)}`,
  number: ({ minimum, maximum }) => `a number${range(minimum, maximum)}`,
  string: ({ format, minLength, maxLength }) =>
    format === 'uri' ? 'an address' : `text${range(minLength, maxLength, 'character', 'characters')}`,
  array: ({ minItems, maxItems }) => `a list${range(minItems, maxItems, 'entry', 'entries')}`,
};

function kindOf(described: Described): string {
  const values = described.enum ?? (described.const === undefined ? undefined : [described.const]);
  return values ? oneOf(values) : (kindWords[String(described.type)]?.(described) ?? 'of another kind');
}

/** The default, the smallest number or an address; a choice needs no example, and an empty list is none. */
function exampleOf({ type, enum: values, const: value, default: given, minimum, format }: Described): unknown {
  if (values !== undefined || value !== undefined || type === 'boolean') return undefined;
  if (given !== undefined) return Array.isArray(given) && given.length === 0 ? undefined : given;
  return format === 'uri' ? 'https://example.com' : minimum;
}

const range = (least: number | undefined, most: number | undefined, one?: string, many = ''): string => {
  const hasLeast = least !== undefined && (one === undefined || least > 0);
  const unit = one === undefined ? '' : ` ${(most ?? least) === 1 ? one : many}`;
  if (hasLeast && most !== undefined) return ` ${one === undefined ? 'from' : 'of'} ${least} to ${most}${unit}`;
  if (most !== undefined) return ` of at most ${most}${unit}`;
  return hasLeast ? ` of at least ${least}${unit}` : '';
};

const oneOf = (values: readonly unknown[]): string => `${values.length > 1 ? 'one of ' : ''}${values.join(', ')}`;

function extent(origin: string, bound: string, size: number): string {
  if (origin === 'string') return `have ${bound} ${size} ${size === 1 ? 'character' : 'characters'}`;
  if (origin === 'array' || origin === 'set') return `have ${bound} ${size} ${size === 1 ? 'entry' : 'entries'}`;
  return `be ${bound} ${size}`;
}
