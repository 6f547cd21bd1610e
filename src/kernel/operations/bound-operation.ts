import { AppError } from '../errors.ts';
import { inputInvalid, readInput } from './input.ts';
import type { Operation } from './operation.ts';
import { type Body, bodyOf, type Written } from './written.ts';

/** The input of a caller: members of the path and of the body or query, not yet parsed. */
export type Given = { params?: unknown; input?: unknown };

/** An operation with its services: what a door (the command line, the API) calls. */
export type BoundOperation<By> = {
  readonly operation: Operation;
  /** Reads what was given by the schemas, runs, and gives what `output` lets through. Throws input.invalid and the errors of the operation. */
  call(given: Given, by: By): Promise<unknown>;
  /** The same answer as JSON, where the operation keeps what it has written. It may be as old as docs/performance.md says. */
  write?: ((given: Given, by: By) => Promise<Written>) | undefined;
};

/** The answer of an operation as JSON: what is kept, or what `call` gives. Throws what `call` throws. */
export async function answerAsJson<By>({ call, write }: BoundOperation<By>, given: Given, by: By): Promise<Body> {
  return write ? bodyOf(await write(given, by)) : { json: JSON.stringify(await call(given, by)) };
}

/** Binds the operations of a slice to what they need to run. */
export function bindOperations<By, Services>(
  operations: readonly Operation<By, Services>[],
  services: Services,
): BoundOperation<By>[] {
  return operations.map((operation) => {
    const { write } = operation;
    // The object is the one of the path, whatever an input that takes any member says.
    const read = ({ params, input }: Given) =>
      ({ ...readInput(operation.input, input), ...readInput(operation.params, params) }) as never;
    return {
      operation,
      call: async (given, by) => operation.output.parse(await operation.run(read(given), by, services)),
      ...(write ? { write: async (given, by) => write(read(given), by, services) } : {}),
    };
  });
}

export type OperationAnswer =
  | { ok: true; result: unknown }
  | { ok: false; code: string; message: string; details?: unknown };

/** Runs an operation by its name. Refusals become answers, faults are thrown. */
export type RunOperation = (name: string, given: Given) => Promise<OperationAnswer>;

/** Finds an object by another name of it, for each member that holds an id: by an email address for `user_id`. */
type FoundByName = Readonly<Record<string, (name: string) => Promise<{ readonly id: string } | null>>>;

/** Runs these operations for one caller, who may name objects otherwise than by their ids. */
export function runFor<By>(
  operations: readonly BoundOperation<By>[],
  by: By,
  foundByName: FoundByName = {},
): RunOperation {
  const known = new Map(operations.map((bound) => [bound.operation.name, bound]));
  return async (name, given) => {
    const bound = known.get(name);
    if (!bound) return { ok: false, code: 'control.unknown_command', message: `There is no operation ${name}.` };
    try {
      return { ok: true, result: await bound.call(await withIds(given, foundByName), by) };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return { ok: false, code: error.code, message: error.message, details: error.details };
    }
  };
}

const isId = (text: string): boolean => /^[a-z]+_[\da-z]{26}$/.test(text);

/** @throws AppError input.invalid, for a name of no object. */
async function withIds({ params, input }: Given, foundByName: FoundByName): Promise<Given> {
  const [inPath, inBody] = await Promise.all([params, input].map((members) => replaceNames(members, foundByName)));
  return { params: inPath, input: inBody };
}

async function replaceNames(members: unknown, foundByName: FoundByName): Promise<unknown> {
  if (typeof members !== 'object' || members === null) return members;
  const ids: Record<string, string> = {};
  for (const [member, value] of Object.entries(members)) {
    if (typeof value !== 'string' || isId(value) || !Object.hasOwn(foundByName, member)) continue;
    const found = await foundByName[member]!(value);
    if (found === null) throw inputInvalid({ [member]: `is neither an id nor a known name: ${value}` });
    ids[member] = found.id;
  }
  return { ...members, ...ids };
}
