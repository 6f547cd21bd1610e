import type { z } from 'zod';
import { AppError } from '../errors.ts';

/** The code of input that a schema does not take; the same for every operation. */
export const INPUT_INVALID = 'input.invalid';

/** Reads members by a schema. Throws input.invalid, whose details name each wrong member with what is wrong with it. */
export function readInput(schema: z.ZodObject, given: unknown): Record<string, unknown> {
  const parsed = schema.safeParse(given === undefined ? {} : given, { error: inWords });
  if (parsed.success) return parsed.data;
  const problems = Object.fromEntries(parsed.error.issues.flatMap(problemsOf));
  throw new AppError({
    code: INPUT_INVALID,
    status: 422,
    message: `Correct these members: ${listProblems(problems)}.`,
    details: problems,
  });
}

/** `name must be given; limit must be at most 200`. */
export function listProblems(problems: Readonly<Record<string, string>>): string {
  return Object.entries(problems)
    .map(([member, problem]) => `${member} ${problem}`)
    .join('; ');
}

function problemsOf(issue: z.core.$ZodIssue): [member: string, problem: string][] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((name) => [[...path, name].join('.'), 'is not a member here']);
  return [[path.join('.') || 'input', issue.message]];
}

const expectedWords: Readonly<Record<string, string>> = {
  string: 'must be text',
  number: 'must be a number',
  int: 'must be a whole number',
  boolean: 'must be true or false',
  array: 'must be a list',
  object: 'must be an object',
  record: 'must be an object',
};

/** What is wrong, in words that follow the name of the member. A schema that has words of its own keeps them. */
function inWords(issue: z.core.$ZodRawIssue): string {
  if (issue.code === 'invalid_type')
    return issue.input === undefined ? 'must be given' : (expectedWords[issue.expected] ?? 'is not valid');
  if (issue.code === 'invalid_value')
    return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.join(', ')}`;
  if (issue.code === 'too_small') return `must ${extent(issue.origin, 'at least', Number(issue.minimum))}`;
  if (issue.code === 'too_big') return `must ${extent(issue.origin, 'at most', Number(issue.maximum))}`;
  return issue.code === 'invalid_format' ? 'has the wrong form' : 'is not valid';
}

function extent(origin: string, bound: string, size: number): string {
  if (origin === 'string') return `have ${bound} ${size} ${size === 1 ? 'character' : 'characters'}`;
  if (origin === 'array' || origin === 'set') return `have ${bound} ${size} ${size === 1 ? 'entry' : 'entries'}`;
  return `be ${bound} ${size}`;
}
