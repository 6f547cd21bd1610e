import { z } from 'zod';
import type { Property } from '#settings/module.ts';
import { NOT_YET, plainText, profileSchema, type Profile } from './profile.ts';
import { LONGEST_PROPERTY_TEXT } from './limits.ts';
import { newUsername, type UsernameProblem } from './username.ts';

/** A claim that a user may be asked for in a form. */
export type AskedClaim = 'name' | 'given_name' | 'family_name' | 'nickname' | 'birthdate' | 'website';

/** One question of a form about a user. */
export type PersonField =
  | { kind: 'username'; field: 'username' }
  | { kind: 'claim'; claim: AskedClaim; field: string }
  | { kind: 'property'; property: Property; field: string };

export type PersonDetails = { profile: Profile; properties: Record<string, unknown> };

type Values = Readonly<Record<string, unknown>>;
type Known = { username?: string | null | undefined; profile: Profile; properties: Values };

/** The form field of the username. */
export const usernameField: PersonField = { kind: 'username', field: 'username' };
/** The form field of a claim. */
export const claimField = (claim: AskedClaim): PersonField => ({ kind: 'claim', claim, field: claim });
/** Apart from the fields that forms have of their own. */
export const propertyField = (property: Property): PersonField => ({
  kind: 'property',
  property,
  field: `property_${property.name}`,
});

/** The schema of the form's fields; what is wrong is a kind: `username_…`, `required`, `too_long`, `number`, `date`, `future`, `choice`, `url`. */
export function fieldShape(fields: readonly PersonField[]): Record<string, z.ZodType> {
  return Object.fromEntries(
    fields.map((field) => {
      if (field.kind === 'username') return [field.field, answer(usernameType, true)];
      return [
        field.field,
        field.kind === 'claim' ? answer(claimType(field.claim), true) : propertyType(field.property),
      ];
    }),
  );
}

/** The values of a valid form. */
export function detailsOf(fields: readonly PersonField[], values: Values): PersonDetails {
  const said = fields.filter(({ field }) => values[field] !== undefined);
  return {
    profile: Object.fromEntries(
      said.flatMap((field) => (field.kind === 'claim' ? [[field.claim, values[field.field]]] : [])),
    ),
    properties: Object.fromEntries(
      said.flatMap((field) => (field.kind === 'property' ? [[field.property.name, values[field.field]]] : [])),
    ),
  };
}

/** Which of the questions a user has not answered yet. */
export function lacking(
  fields: readonly PersonField[],
  { username, profile, properties }: Known,
): readonly PersonField[] {
  return fields.filter((field) => {
    if (field.kind === 'username') return !username;
    return field.kind === 'claim' ? !profile[field.claim] : !Object.hasOwn(properties, field.property.name);
  });
}

/** Properties for relying parties: the ones that the present schema shows them, and no leftovers of an earlier one. */
export function shownProperties(schema: readonly Property[], properties: Values): Record<string, unknown> {
  const shown = schema.filter(({ name, visibility }) => visibility === 'claims' && Object.hasOwn(properties, name));
  return Object.fromEntries(shown.map(({ name }) => [name, properties[name]]));
}

/** The label of a field or a choice, in the user's language if it has a text. */
export function labelIn(label: Property['label'], language: string): string {
  return typeof label === 'string' ? label : (label[language] ?? label['en'] ?? '');
}

function claimType(claim: AskedClaim): z.ZodType {
  const schema = profileSchema.shape[claim];
  return z.string().transform((typed, context) => {
    const parsed = schema.safeParse(typed);
    if (parsed.success && parsed.data !== '') return parsed.data;
    const issues = parsed.error?.issues ?? [];
    const isLong = issues.some(({ code }) => code === 'too_big');
    const isNotYet = issues.every(({ message }) => message === NOT_YET) && issues.length > 0;
    context.addIssue({ code: 'custom', message: isLong ? 'too_long' : isNotYet ? 'future' : claimErrors[claim] });
    return z.NEVER;
  });
}

/** A reserved name is as good as taken. */
export const usernameError = (problem: UsernameProblem): string =>
  problem === 'reserved' ? 'username_taken' : `username_${problem}`;

const usernameType = z.string().transform((typed, context) => {
  const read = newUsername(typed);
  if (typeof read !== 'string') return read.username;
  context.addIssue({ code: 'custom', message: usernameError(read) });
  return z.NEVER;
});

const claimErrors: Readonly<Record<AskedClaim, string>> = {
  name: 'required',
  given_name: 'required',
  family_name: 'required',
  nickname: 'required',
  birthdate: 'date',
  website: 'url',
};

function propertyType(property: Property): z.ZodType {
  // A box that is not ticked is not sent, and that is an answer.
  if (property.type === 'boolean')
    return z
      .string()
      .default('')
      .transform((sent) => sent !== '');
  return answer(valueType(property), property.required);
}

/** Of what was typed, or comes as text in JSON. */
export function valueType({ type, maxLength, choices }: Property): z.ZodType {
  switch (type) {
    case 'number':
      return z
        .string()
        .max(64, 'number')
        .transform((typed) => Number(typed.replace(',', '.')))
        .pipe(z.number({ error: 'number' }));
    case 'date':
      return z.iso.date('date');
    case 'choice':
      return z.enum((choices ?? []).map(({ value }) => value) as [string, ...string[]], { error: 'choice' });
    case 'url':
      return z.url({ protocol: /^https?$/, error: 'url' }).max(2048, 'too_long');
    case 'text':
    case 'boolean':
      return plainText(maxLength ?? LONGEST_PROPERTY_TEXT);
  }
}

/** Nothing typed is nothing said, which is an answer only where none is required. */
function answer(schema: z.ZodType, isRequired: boolean): z.ZodType {
  return z
    .string()
    .default('')
    .transform((typed) => typed.trim())
    .transform((typed, context) => {
      if (typed === '' && !isRequired) return undefined;
      const parsed = typed === '' ? null : schema.safeParse(typed);
      if (parsed?.success && parsed.data !== '') return parsed.data;
      const [issue] = parsed?.error?.issues ?? [];
      const isKind = issue !== undefined && /^[a-z][a-z_]*$/.test(issue.message);
      context.addIssue({
        code: 'custom',
        message: isKind ? issue.message : issue?.code === 'too_big' ? 'too_long' : 'required',
      });
      return z.NEVER;
    });
}

/** A value of a property as an identity provider says it; null for one that no property can have. */
export type ProvidedValue = string | number | boolean | null;

const booleans: Readonly<Record<string, boolean>> = { true: true, '1': true, false: false, '0': false };
/** The beginning of a tag or a comment: a provider that sends markup as a text is wrong, or tries something. */
const MARKUP = /<[a-z!?/]/i;

/** The value in the type of the property; undefined for one that does not fit. Nothing is cut: half a value is a wrong one. */
export function fitted(property: Property, value: ProvidedValue): string | number | boolean | undefined {
  if (value === null) return undefined;
  if (property.type === 'boolean')
    return typeof value === 'boolean'
      ? value
      : Object.hasOwn(booleans, String(value))
        ? booleans[String(value)]
        : undefined;
  if (property.type === 'number' && typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  const text = String(value).trim();
  if (text === '' || MARKUP.test(text)) return undefined;
  const parsed = valueType(property).safeParse(text);
  return parsed.success && parsed.data !== '' ? (parsed.data as string | number) : undefined;
}
