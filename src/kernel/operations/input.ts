import type { z } from 'zod';
import { AppError } from '../errors.ts';
import { inWords } from './schema-words.ts';

/** The code of input that a schema does not take; the same for every operation. */
export const INPUT_INVALID = 'input.invalid';

/** Reads members by a schema. Throws input.invalid, whose details name each wrong member with what is wrong with it. */
export function readInput(schema: z.ZodObject, given: unknown): Record<string, unknown> {
  const parsed = schema.safeParse(given === undefined ? {} : given, { error: inWords });
  if (parsed.success) return parsed.data;
  throw inputInvalid(Object.fromEntries(parsed.error.issues.flatMap(problemsOf)));
}

/** `problems`: each wrong member with what is wrong with it, `must be at most 200`. */
export const inputInvalid = (problems: Readonly<Record<string, string>>): AppError =>
  new AppError({
    code: INPUT_INVALID,
    status: 422,
    message: `Correct these members: ${listProblems(problems)}.`,
    details: problems,
  });

/** `name must be given; limit must be at most 200`. */
export function listProblems(problems: Readonly<Record<string, string>>): string {
  return Object.entries(problems)
    .map(([member, problem]) => `${member} ${problem}`)
    .join('; ');
}

function problemsOf(issue: z.core.$ZodIssue): [member: string, problem: string][] {
  const path = issue.path.map(String);
  const here = path.join('.') || 'input';
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((name) =>
      name === '' ? [here, 'has a member without a name'] : [[...path, name].join('.'), 'is not a member here'],
    );
  return [[here, issue.message]];
}
