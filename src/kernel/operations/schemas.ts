/** Schemas that operations of many slices share. */
import { z } from 'zod';
import { type Id, parseId } from '../ids.ts';

const ID_EXAMPLE = '01h455vb4pex5vsknk084sn02q';

/** An id of ours with this prefix, as `usr_01h455vb4pex5vsknk084sn02q`. */
export function idSchema<Prefix extends string>(prefix: Prefix): z.ZodType<Id<Prefix>, string> {
  const wrong = `must be an id like ${prefix}_${ID_EXAMPLE}`;
  return z
    .string(wrong)
    .refine((text) => parseId(prefix, text) !== null, wrong)
    .meta({ examples: [`${prefix}_${ID_EXAMPLE}`] }) as z.ZodType<string, string> as never;
}

/** A time on the wire: ISO 8601 in UTC, `2026-01-31T12:00:00.000Z`. */
export const timeSchema = z.iso.datetime();

/** The text that a list is searched for. */
export const searchText = z.string().trim().min(1).max(200);

/** For a member that may be left out: the schema with its description. */
export const optional = <Schema extends z.ZodType>(schema: Schema): z.ZodOptional<Schema> =>
  schema.optional().describe(schema.description ?? '');

/** For a member of a change (RFC 7396): it may be left out, and null sets the default. */
export const changeable = <Schema extends z.ZodType>(schema: Schema): z.ZodOptional<z.ZodNullable<Schema>> =>
  schema
    .nullable()
    .optional()
    .describe(schema.description ?? '');
