// Compares two documents of the management API: the changes of the second that programs written for the first would not survive.
import {
  type ApiDocument,
  type DocumentOperation,
  type JsonSchema,
  operationsOf,
  resolved,
} from '../src/api/document-form.ts';

/** Requests and answers change in opposite directions: a request may ask for less, an answer may say more. */
type Direction = 'request' | 'answer';
type Sides = { before: JsonSchema; after: JsonSchema };

/** A sentence for each change that breaks programs; an addition is none. */
export function breakingChanges(before: ApiDocument, after: ApiDocument): string[] {
  const present = new Map(operationsOf(after).map(({ path, method, operation }) => [`${method} ${path}`, operation]));
  const ofOperations = operationsOf(before).flatMap(({ path, method, operation }) => {
    const found = present.get(`${method} ${path}`);
    const changes = found ? new Comparison(before, after).ofOperation(operation, found) : ['is gone'];
    return changes.map((change) => `${method.toUpperCase()} ${path} ${change}`);
  });
  return [...goneScopes(before, after), ...ofOperations];
}

function goneScopes(before: ApiDocument, after: ApiDocument): string[] {
  const present = scopesOf(after);
  return [...scopesOf(before)].filter((scope) => !present.has(scope)).map((scope) => `the scope ${scope} is gone`);
}

const scopesOf = (document: ApiDocument): Set<string> =>
  new Set(
    Object.values(document.components.securitySchemes ?? {}).flatMap((scheme) =>
      Object.values((scheme as { flows?: Record<string, { scopes?: object }> }).flows ?? {}).flatMap(
        ({ scopes = {} }) => Object.keys(scopes),
      ),
    ),
  );

const JSON_TYPE = 'application/json';

class Comparison {
  readonly #before: ApiDocument;
  readonly #after: ApiDocument;
  /** Schemas may contain themselves; each pair is compared once. */
  readonly #compared = new Set<string>();

  constructor(before: ApiDocument, after: ApiDocument) {
    this.#before = before;
    this.#after = after;
  }

  ofOperation(before: DocumentOperation, after: DocumentOperation): string[] {
    return [
      ...this.#ofScopes(before, after),
      ...this.#ofParameters(before, after),
      ...this.#ofBodies(before, after),
      ...this.#ofAnswers(before, after),
    ];
  }

  #ofScopes(before: DocumentOperation, after: DocumentOperation): string[] {
    const asked = (operation: DocumentOperation) => Object.values(operation.security[0] ?? {}).flat();
    return asked(after)
      .filter((scope) => !asked(before).includes(scope))
      .map((scope) => `needs the scope ${scope} now`);
  }

  #ofParameters({ parameters: before = [] }: DocumentOperation, { parameters: after = [] }: DocumentOperation) {
    const key = (parameter: { in: string; name: string }) => `${parameter.in} ${parameter.name}`;
    const earlier = new Map(before.map((parameter) => [key(parameter), parameter]));
    const later = new Map(after.map((parameter) => [key(parameter), parameter]));
    const gone = before
      .filter((one) => !later.has(key(one)))
      .map(({ name }) => `does not take the parameter ${name} any longer`);
    const required = after
      .filter((one) => one.required && !earlier.get(key(one))?.required)
      .map(({ name }) => `requires the parameter ${name} now`);
    const changed = before.flatMap((one) => {
      const found = later.get(key(one));
      return found ? this.#ofSchemas({ before: one.schema, after: found.schema }, 'request', one.name) : [];
    });
    return [...gone, ...required, ...changed];
  }

  #ofBodies({ requestBody: before }: DocumentOperation, { requestBody: after }: DocumentOperation): string[] {
    const [earlier, later] = [before?.content[JSON_TYPE], after?.content[JSON_TYPE]];
    if (!earlier) return after?.required ? ['requires a body now'] : [];
    if (!later) return ['does not take a body any longer'];
    return [
      ...(after?.required && !before?.required ? ['requires a body now'] : []),
      ...this.#ofSchemas({ before: earlier.schema, after: later.schema }, 'request', ''),
    ];
  }

  #ofAnswers({ responses: before }: DocumentOperation, { responses: after }: DocumentOperation): string[] {
    return Object.entries(before)
      .filter(([status]) => Number(status) < 300)
      .flatMap(([status, response]) => {
        const later = after[status];
        if (later === undefined) return [`does not answer with ${status} any longer`];
        const [one, other] = [response.content?.[JSON_TYPE], later.content?.[JSON_TYPE]];
        if (!one) return [];
        if (!other) return ['answers without a body now'];
        return this.#ofSchemas({ before: one.schema, after: other.schema }, 'answer', '');
      });
  }

  #ofSchemas(given: Sides, direction: Direction, at: string): string[] {
    const pair = `${direction} ${given.before.$ref} ${given.after.$ref}`;
    if (given.before.$ref !== undefined && given.after.$ref !== undefined) {
      if (this.#compared.has(pair)) return [];
      this.#compared.add(pair);
    }
    const [before, after] = [variantsOf(this.#before, given.before), variantsOf(this.#after, given.after)];
    return [
      ...changedTypes(before, after, direction, at),
      ...changedValues(before, after, direction, at),
      ...(direction === 'request' ? tightenedBounds(before, after, at) : []),
      ...this.#ofObjects(before, after, direction, at),
      ...this.#ofItems(before, after, direction, at),
    ];
  }

  /** Of several forms of an object, each is compared with the one that fits best. */
  #ofObjects(before: JsonSchema[], after: JsonSchema[], direction: Direction, at: string): string[] {
    const [earlier, later] = [before.filter(isObject), after.filter(isObject)];
    if (later.length === 0) return [];
    return earlier.flatMap((one) => {
      const compared = later.map((other) => this.#ofMembers({ before: one, after: other }, direction, at));
      return compared.toSorted((a, b) => a.length - b.length)[0]!;
    });
  }

  #ofMembers({ before, after }: Sides, direction: Direction, at: string): string[] {
    const [earlier, later] = [before.properties ?? {}, after.properties ?? {}];
    const [needed, demanded] = [before.required ?? [], after.required ?? []];
    const path = (name: string) => (at === '' ? name : `${at}.${name}`);
    const gone = Object.keys(earlier)
      .filter((name) => !Object.hasOwn(later, name))
      .map((name) =>
        direction === 'request' ? `does not take ${path(name)} any longer` : `answers without ${path(name)}`,
      );
    const required =
      direction === 'request'
        ? demanded.filter((name) => !needed.includes(name)).map((name) => `requires ${path(name)} now`)
        : needed
            .filter((name) => Object.hasOwn(later, name) && !demanded.includes(name))
            .map((name) => `may answer without ${path(name)} now`);
    const deeper = Object.entries(earlier).flatMap(([name, schema]) =>
      Object.hasOwn(later, name) ? this.#ofSchemas({ before: schema, after: later[name]! }, direction, path(name)) : [],
    );
    const [others, othersNow] = [before.additionalProperties, after.additionalProperties];
    const ofOthers =
      typeof others === 'object' && typeof othersNow === 'object'
        ? this.#ofSchemas({ before: others, after: othersNow }, direction, path('*'))
        : [];
    return [...gone, ...required, ...deeper, ...ofOthers];
  }

  #ofItems(before: JsonSchema[], after: JsonSchema[], direction: Direction, at: string): string[] {
    const [earlier, later] = [before.find(({ items }) => items), after.find(({ items }) => items)];
    if (!earlier?.items || !later?.items) return [];
    return this.#ofSchemas({ before: earlier.items, after: later.items }, direction, `${at}[]`);
  }
}

const isObject = ({ type, properties }: JsonSchema): boolean => type === 'object' || properties !== undefined;

/** The forms that a value may have, each of one type. A form without a type takes everything. */
function variantsOf(document: ApiDocument, given: JsonSchema): JsonSchema[] {
  const schema = resolved(document, given);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.flatMap((choice) => variantsOf(document, choice));
  return Array.isArray(schema.type) ? schema.type.map((type) => ({ ...schema, type })) : [schema];
}

const typeOf = ({ type, const: value, enum: values }: JsonSchema): string | undefined =>
  typeof type === 'string'
    ? type
    : value === undefined && values === undefined
      ? undefined
      : typeof (value ?? values?.[0]);

function changedTypes(before: JsonSchema[], after: JsonSchema[], direction: Direction, at: string): string[] {
  const [given, taker] = direction === 'request' ? [before, after] : [after, before];
  const types = taker.map(typeOf);
  const takes = (type: string | undefined): boolean =>
    types.includes(undefined) ||
    (type !== undefined && (types.includes(type) || (type === 'integer' && types.includes('number'))));
  const wrong = [...new Set(given.map(typeOf))].filter((type) => !takes(type)).map((type) => type ?? 'any value');
  const place = at === '' ? 'the whole' : at;
  return wrong.map((type) =>
    direction === 'request' ? `does not take ${type} for ${place} any longer` : `answers ${place} as ${type} now`,
  );
}

const valuesOf = (variants: JsonSchema[]): unknown[] | undefined => {
  const listed = variants
    .filter(({ type }) => type !== 'null' && type !== 'object' && type !== 'array')
    .map(({ enum: values, const: value }) => values ?? (value === undefined ? undefined : [value]));
  return listed.length === 0 || listed.includes(undefined) ? undefined : listed.flatMap((values) => values ?? []);
};

function changedValues(before: JsonSchema[], after: JsonSchema[], direction: Direction, at: string): string[] {
  const [earlier, later] = [valuesOf(before), valuesOf(after)];
  const verb = direction === 'request' ? 'does not take' : 'never answers';
  if (earlier === undefined)
    return later === undefined || direction === 'answer' || before.every(({ type }) => type === 'null')
      ? []
      : [`takes only some values of ${at} now`];
  if (later === undefined) return [];
  const gone = earlier.filter((value) => value !== null && !later.includes(value));
  return gone.map((value) => `${verb} ${JSON.stringify(value)} for ${at} any longer`);
}

/** Bounds of what a request may hold. */
function tightenedBounds(before: JsonSchema[], after: JsonSchema[], at: string): string[] {
  const [earlier, later] = [before[0]!, after[0]!];
  if (before.length > 1 || after.length > 1) return [];
  const upper = (['maximum', 'maxLength', 'maxItems'] as const).filter(
    (bound) => (later[bound] ?? Infinity) < (earlier[bound] ?? Infinity),
  );
  const lower = (['minimum', 'minLength', 'minItems'] as const).filter(
    (bound) => (later[bound] ?? -Infinity) > (earlier[bound] ?? (bound === 'minimum' ? -Infinity : 0)),
  );
  return [...upper, ...lower].map((bound) => `has a tighter ${bound} for ${at} now`);
}
