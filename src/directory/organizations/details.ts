import { plainText } from '#directory/users/profile.ts';
import { z } from 'zod';
import { organizationInvalid } from './errors.ts';
import { METADATA_BYTES, NAME_LENGTH, PUBLIC_METADATA_BYTES } from './limits.ts';
import type { Organization } from './organization.ts';
import { slugSchema } from './slug.ts';

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
/** A JSON object; a whole object takes the place of the present one. */
export const metadataSchema = z.record(z.string().max(128), z.json(), 'must be an object');
/** A line of text without hidden characters. */
export const nameSchema = plainText(NAME_LENGTH).pipe(z.string().min(1, 'must not be empty'));

/** The members of an organization that its administrators set. */
export type Details = Pick<Organization, 'name' | 'slug' | 'metadata' | 'publicMetadata'>;
const shapes = {
  name: nameSchema,
  slug: slugSchema,
  metadata: metadataSchema,
  publicMetadata: metadataSchema,
} as const;
/** As callers name them. */
const spelled = { name: 'name', slug: 'slug', metadata: 'metadata', publicMetadata: 'public_metadata' } as const;

/** The given members, checked, whatever door they came through. Throws organizations.invalid. */
export function checkedDetails<Given extends Partial<Details>>(given: Given): Given {
  const problems: Record<string, string> = {};
  const checked: Record<string, unknown> = {};
  for (const [member, value] of Object.entries(given)) {
    const parsed = shapes[member as keyof Details].safeParse(value);
    if (parsed.success) checked[member] = parsed.data;
    else problems[spelled[member as keyof Details]] = parsed.error.issues[0]!.message;
  }
  if (Object.keys(problems).length > 0) throw organizationInvalid(problems);
  return checked as Given;
}

/** The two parts together may have 16 KiB. Throws organizations.invalid. */
export function requireSmall({ metadata, publicMetadata }: Pick<Details, 'metadata' | 'publicMetadata'>): void {
  if (bytesOf(publicMetadata) > PUBLIC_METADATA_BYTES)
    throw organizationInvalid({ public_metadata: `must have at most ${PUBLIC_METADATA_BYTES} bytes as JSON` });
  if (bytesOf(metadata) + bytesOf(publicMetadata) > METADATA_BYTES)
    throw organizationInvalid({ metadata: `must have at most ${METADATA_BYTES} bytes as JSON with the public part` });
}
