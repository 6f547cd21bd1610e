import type { z } from 'zod';
import { takenBy } from '#kernel/operations/schema-words.ts';
import { type Section, sections } from './policies.ts';

/** The error text for an unknown setting. */
export const noSetting = (name: string): string => `There is no setting ${name}. settings list shows them all.`;

/** Kinds of issues about the value itself, which what the setting takes says better than one bound of it. */
const plainKinds: ReadonlySet<string> = new Set(['invalid_type', 'invalid_value', 'too_small', 'too_big']);

/** Names the setting that is wrong and says what it takes: `password.minimumLength must be a whole number from 8 to 64, such as 8.` */
export function sentenceOf(section: Section, issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys' && issue.path.length === 0)
    return issue.keys.map((member) => noSetting(`${section}.${member}`)).join(' ');
  const problem =
    issue.code === 'unrecognized_keys' ? `has no member ${issue.keys.join(', ')}` : problemOf(section, issue);
  return `${[section, ...issue.path.map(String)].join('.')} ${problem}.`;
}

function problemOf(section: Section, { code, path, message }: z.core.$ZodIssue): string {
  const shape: Readonly<Record<string, z.ZodType>> = sections[section].shape;
  const schema = path.length === 1 ? shape[String(path[0])] : undefined;
  return schema && plainKinds.has(code) ? takenBy(schema) : message;
}
