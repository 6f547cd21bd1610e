import { operator } from '#audit/module.ts';
import { type BoundOperation, type Given, type OperationAnswer, runFor } from '#kernel/operations/bound-operation.ts';
import { INPUT_INVALID } from '#kernel/operations/input.ts';
import { operations as declared } from '../../src/app/operations.ts';
import type { By } from '../../src/audit/by.ts';

/**
 * The input of an operation, from members of path and body together. Text for an argument that the command parses
 * is parsed as on the command line.
 */
export function givenTo(name: string, members: unknown = {}): Given {
  const operation = declared.find((each) => each.name === name);
  if (typeof members !== 'object' || members === null) return { input: members };
  const inPath = (member: string): boolean => Object.hasOwn(operation?.params.shape ?? {}, member);
  const read = (member: string, value: unknown): unknown => {
    const fromText = operation?.command?.arguments?.[member]?.read;
    return fromText && typeof value === 'string' ? fromText(value, undefined) : value;
  };
  const all = Object.entries(members).map(([member, value]) => [member, read(member, value)] as const);
  return {
    params: Object.fromEntries(all.filter(([member]) => inPath(member))),
    input: Object.fromEntries(all.filter(([member]) => !inPath(member))),
  };
}

/** Runs an operation for an operator, who has access to the server. */
export async function runOperation(
  operations: readonly BoundOperation<By>[],
  name: string,
  members: unknown = {},
): Promise<OperationAnswer> {
  return runFor(operations, operator)(name, givenTo(name, members));
}

/** The code of a refusal, null where there is none. Throws where the operation does not declare it: documents would not name it. */
export function declaredCode(name: string, answer: OperationAnswer): string | null {
  if (answer.ok) return null;
  const codes = declared.find((each) => each.name === name)?.errors.map(({ code }) => code) ?? [];
  if (codes.includes(answer.code) || answer.code === INPUT_INVALID) return answer.code;
  throw new Error(`${name} answers ${answer.code}, which is not among its errors: ${codes.join(', ')}`);
}

/** The same; throws what it refuses. */
export async function callOperation<T = Record<string, unknown>>(
  operations: readonly BoundOperation<By>[],
  name: string,
  members: unknown = {},
): Promise<T> {
  const answer = await runOperation(operations, name, members);
  if (answer.ok) return answer.result as T;
  throw Object.assign(new Error(`${name}: ${answer.code} ${answer.message}`), answer);
}
