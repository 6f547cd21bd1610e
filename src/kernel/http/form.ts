/**
 * One form: a zod schema of its fields, read after its token was checked. The error of a field is a kind such as
 * `required`; the sentence is chosen by the page.
 */
import type { z } from 'zod';
import { readForm } from './body.ts';
import type { Context } from './context.ts';
import { requireOwnForm } from './csrf.ts';
import { isSecretField } from './refusal.ts';

type Schema = z.ZodObject;
type Field<S extends Schema> = keyof z.input<S> & string;

type ValidForm<S extends Schema> = { isValid: true; values: z.output<S> };

type InvalidForm<S extends Schema> = {
  isValid: false;
  /** Kind of the first thing that is wrong, by field. */
  errors: Partial<Record<Field<S>, string>>;
  /** The typed values that the page may show again; never a secret. */
  values: Partial<Record<Field<S>, string>>;
  /** A secret as it was typed, so that everything is checked at once; it is neither shown nor kept. */
  secret(field: Field<S>): string;
};

type Form<S extends Schema> = {
  /**
   * Throws AppError: 403 when the form is not from a page of ours, 413 above 64 KiB, 415 for another media type,
   * 400 for repeated fields, arrays, NUL and what is not UTF-8.
   */
  read(ctx: Context): Promise<ValidForm<S> | InvalidForm<S>>;
};

/**
 * Declares a form by the schema of its fields. Its `read` checks the token of the form first and throws 403 without
 * it.
 */
export function form<S extends Schema>(schema: S): Form<S> {
  const fields = Object.keys(schema.shape) as Field<S>[];

  function shown(values: Readonly<Record<string, unknown>>): InvalidForm<S>['values'] {
    const visible = fields.filter((field) => typeof values[field] === 'string' && !isSecretField(field));
    return Object.fromEntries(visible.map((field) => [field, values[field]])) as InvalidForm<S>['values'];
  }

  return {
    async read(ctx) {
      requireOwnForm(ctx);
      const given = await readForm(ctx);
      requireOwnForm(ctx, given.get('csrf') ?? '');
      const raw = Object.fromEntries(
        fields.filter((field) => given.has(field)).map((field) => [field, given.get(field)]),
      );
      const parsed = await schema.safeParseAsync(raw);
      if (parsed.success) return { isValid: true, values: parsed.data };
      const errors: InvalidForm<S>['errors'] = {};
      for (const issue of parsed.error.issues) errors[String(issue.path[0]) as Field<S>] ??= kindOf(issue, raw);
      return { isValid: false, errors, values: shown(raw), secret: (field) => given.get(field) ?? '' };
    },
  };
}

/** A schema may name the kind itself (`z.string({ error: 'unknown_country' })`); zod's own sentences become kinds here. */
function kindOf(issue: z.core.$ZodIssue, raw: Readonly<Record<string, unknown>>): string {
  if (/^[a-z][a-z_]*$/.test(issue.message)) return issue.message;
  if (String(raw[String(issue.path[0])] ?? '').trim() === '') return 'required';
  if (issue.code === 'too_small') return 'too_short';
  return issue.code === 'too_big' ? 'too_long' : 'invalid';
}
