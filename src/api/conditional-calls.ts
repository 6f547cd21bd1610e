import { AppError } from '#kernel/errors.ts';
import type { Given } from '#kernel/operations/bound-operation.ts';
import type { Answer } from './answer.ts';
import type { Caller } from './callers.ts';
import { conditionInvalid, conditionNotTaken, conditionStale } from './errors.ts';
import type { MountedOperation } from './mounted-operation.ts';
import { type Condition, entityTagOf, matches, matchesWeakly, readCondition } from './preconditions/entity-tag.ts';
import { type ItsObject, objectsOf, pathWith } from './preconditions/objects.ts';
import type { ObjectTurns } from './preconditions/object-turns.ts';

/** Headers of a request, by their names in lower case. */
type Headers = Readonly<Record<string, string | string[] | undefined>>;
type Params = Readonly<Record<string, string>>;

export type Call = {
  operation: MountedOperation;
  given: Given & { params: Params };
  by: Caller['by'];
  conditions: Conditions;
  /** Whether the caller may call another operation on the same object. */
  may(operation: MountedOperation): boolean;
  refusalOf(operation: MountedOperation): Error;
};

type Conditions = { ifMatch: Condition | undefined; ifNoneMatch: Condition | undefined };

/** The conditions of a request (RFC 9110 §13.1). Throws api.condition_invalid. */
export function conditionsOf(headers: Headers): Conditions {
  return { ifMatch: conditionOf(headers['if-match']), ifNoneMatch: conditionOf(headers['if-none-match']) };
}

function conditionOf(text: string | string[] | undefined): Condition | undefined {
  if (text === undefined) return undefined;
  const read = typeof text === 'string' ? readCondition(text) : null;
  if (read === null) throw conditionInvalid();
  return read;
}

type Dependencies = { issuer: string; mounted: readonly MountedOperation[]; turns: ObjectTurns };

/** Runs operations under the conditions of their calls. */
export class ConditionalCalls {
  readonly #issuer: string;
  readonly #turns: ObjectTurns;
  readonly #objects: ReadonlyMap<MountedOperation, ItsObject>;
  readonly #reads: ReadonlyMap<string, MountedOperation>;

  constructor({ issuer, mounted, turns }: Dependencies) {
    this.#issuer = issuer;
    this.#turns = turns;
    this.#objects = objectsOf(mounted);
    this.#reads = new Map([...this.#objects.values()].flatMap(({ read }) => (read ? [[read.route.path, read]] : [])));
  }

  /**
   * Answers a call, a change in its turn. Throws api.condition_stale where the object is another version than the call names,
   * api.condition_not_taken where it has none, api.object_busy, and what the operation throws.
   */
  async answer(call: Call): Promise<Answer> {
    const { read, queue } = this.#objects.get(call.operation)!;
    if (read === null && call.conditions.ifMatch !== undefined) throw conditionNotTaken();
    if (read === call.operation) return readObject(call);
    const change = () => this.#change(call, read);
    return queue === null ? change() : this.#turns.take(pathWith(queue, call.given.params), change);
  }

  async #change(call: Call, read: MountedOperation | null): Promise<Answer> {
    const { operation, given, by } = call;
    if (read !== null) await requireConditions(call, read);
    const json = await operation.answer(given, by);
    const tag = read !== null && operation.operation.event !== null ? await tagAfter(call, read) : null;
    return {
      status: operation.route.status,
      json,
      fields: { ...(tag === null ? {} : { ETag: tag }), ...this.#locationOf(call, json) },
    };
  }

  /** The address of an object that was made (RFC 9110 §10.2.2), where it can be read. */
  #locationOf({ operation: { route }, given: { params } }: Call, json: string): { Location?: string } {
    if (route.status !== 201) return {};
    const [path, name] = [...this.#reads.keys()]
      .map((each) => [
        each,
        /^\/\{(\w+)\}$/.exec(each.startsWith(route.path) ? each.slice(route.path.length) : '')?.[1],
      ])
      .find(([, id]) => id !== undefined) ?? [undefined, undefined];
    const made = JSON.parse(json) as Readonly<Record<string, unknown>>;
    const id = name === undefined ? undefined : (made[name] ?? made['id'] ?? made['name']);
    if (path === undefined || name === undefined || typeof id !== 'string') return {};
    return { Location: `${this.#issuer}${pathWith(path, { ...params, [name]: id })}` };
  }
}

async function readObject({ operation, given, by, conditions: { ifMatch, ifNoneMatch } }: Call): Promise<Answer> {
  const json = await operation.answer(given, by);
  const tag = entityTagOf(json);
  if (ifMatch !== undefined && !matches(ifMatch, tag)) throw conditionStale();
  const isKnown = ifMatch === undefined && ifNoneMatch !== undefined && matchesWeakly(ifNoneMatch, tag);
  return { status: isKnown ? 304 : operation.route.status, json: isKnown ? null : json, fields: { ETag: tag } };
}

/** RFC 9110 §13.2.2. `If-Match: *` asks for an object that exists, which the operation asks for as well. */
async function requireConditions(call: Call, read: MountedOperation): Promise<void> {
  const { ifMatch, ifNoneMatch } = call.conditions;
  if ((ifMatch === undefined || ifMatch === '*') && ifNoneMatch === undefined) return;
  if (!call.may(read)) throw call.refusalOf(read);
  const tag = await tagBefore(call, read);
  const isStale = ifMatch !== undefined && (tag === null || !matches(ifMatch, tag));
  const isThere = ifNoneMatch !== undefined && tag !== null && matchesWeakly(ifNoneMatch, tag);
  if (isStale || isThere) throw conditionStale();
}

/** Null where there is no object yet, which the operation makes: another one says itself that it is missing. */
async function tagBefore(call: Call, read: MountedOperation): Promise<string | null> {
  try {
    return await tagOf(call, read);
  } catch (error) {
    const isMade = error instanceof AppError && error.status === 404 && !says(call.operation, error.code);
    if (isMade) return null;
    throw error;
  }
}

const says = ({ operation }: MountedOperation, code: string): boolean =>
  operation.errors.some((error) => error.code === code);

/** From the database and not from memory, which may be a moment old. */
const tagOf = async ({ given: { params }, by }: Call, read: MountedOperation): Promise<string> =>
  entityTagOf(JSON.stringify(await read.call({ params, input: read.readQuery({}) }, by)));

/** Of the changed object, for a caller who may read it; null where it is gone. */
async function tagAfter(call: Call, read: MountedOperation): Promise<string | null> {
  if (call.operation.route.method === 'DELETE' || !call.may(read)) return null;
  try {
    return await tagOf(call, read);
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}
