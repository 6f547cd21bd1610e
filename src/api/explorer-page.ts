/** The contexts of the explorer's pages, made from the document. */
import { STATUS_CODES } from 'node:http';
import { apiScopes } from '#directory/access/module.ts';
import { type ApiDocument, type DocumentOperation, type JsonSchema, operationsOf, resolved } from './document-form.ts';
import type { ExplorerFrame, ShownField, ShownMember, ShownOperation } from './explorer-view.ts';

const JSON_TYPE = 'application/json';
/** Members below these are left out; the document has them. */
const DEEPEST = 5;

/** Makes the pages of one document. `clientId`: the client of those who try calls. */
export function explorerPages(document: ApiDocument, clientId: string) {
  const all = operationsOf(document).map((place) => ({ ...place, tag: place.operation.tags[0]! }));
  const members = membersOf(document);
  const base = document.servers[0]!.url;
  const shown = new Map<string, readonly ShownOperation[]>();

  const frame = (here: string | null): ExplorerFrame => ({
    nouns: document.tags.map(({ name }) => ({
      name,
      ...placeOf(name, document),
      url: urlOf(name),
      isHere: name === here,
    })),
    clientId,
    issuer: base,
    scopes: scopesOf(all.filter(({ tag }) => here === null || tag === here).map(({ operation }) => operation)),
  });

  return {
    /** Every operation whose texts contain `query`, by noun. */
    overview(query: string) {
      const wanted = query.trim().toLowerCase();
      const found = all.filter(({ path, method, operation }) =>
        `${operation.operationId} ${method} ${path} ${operation.description} ${scopeOf(operation)}`
          .toLowerCase()
          .includes(wanted),
      );
      const groups = document.tags.map(({ name, description = '' }) => ({
        name,
        title: fullTitle(name),
        url: urlOf(name),
        text: description,
        operations: found
          .filter(({ tag }) => tag === name)
          .map(({ path, method, operation }) => ({
            id: operation.operationId,
            method: method.toUpperCase(),
            path,
            summary: operation.summary,
            url: `${urlOf(name)}#${operation.operationId}`,
          })),
      }));
      return {
        frame: frame(null),
        address: `${base}/api/v1`,
        version: document.info.version,
        query,
        count: found.length,
        groups: groups.filter(({ operations }) => operations.length > 0),
      };
    },

    /** The operations of one noun; null for a noun that is not there. */
    noun(name: string) {
      const tag = document.tags.find((each) => each.name === name);
      if (!tag) return null;
      const operations =
        shown.get(name) ??
        all.filter((each) => each.tag === name).map((each) => shownOperation(document, members, base, each));
      shown.set(name, operations);
      return { frame: frame(name), title: fullTitle(name), text: tag.description ?? '', operations };
    },
  };
}

const urlOf = (tag: string): string => `/api/docs/${tag}`;
const fullTitle = (tag: string): string => tag.replaceAll('.', ' › ').replaceAll('_', ' ');
/** Below the noun before it, by its last word, or by all of them where that noun has no operations. */
function placeOf(tag: string, { tags }: ApiDocument): { title: string; isBelow: boolean } {
  const parent = tag.slice(0, Math.max(0, tag.lastIndexOf('.')));
  const isBelow = tags.some(({ name }) => name === parent);
  return { title: fullTitle(isBelow ? tag.slice(parent.length + 1) : tag), isBelow };
}
const scopeOf = ({ security }: DocumentOperation): string => security[0]?.['oauth2']?.[0] ?? '';

function scopesOf(operations: readonly DocumentOperation[]): ExplorerFrame['scopes'] {
  const names = new Set(operations.map(scopeOf));
  return Object.entries(apiScopes)
    .filter(([name]) => names.has(name))
    .map(([name, text]) => ({ name, text, isRead: /\.(read|check)$/.test(name) }));
}

type Members = (schema: JsonSchema | undefined, depth?: number) => readonly ShownMember[];

function membersOf(document: ApiDocument): Members {
  const members: Members = (given, depth = 0) => {
    if (given === undefined || depth === DEEPEST) return [];
    const schema = inner(given);
    const named = Object.entries(schema.properties ?? {})
      .map(([name, property]) => shownMember(name, property, schema.required?.includes(name) === true, depth))
      .toSorted((a, b) => Number(b.isRequired) - Number(a.isRequired));
    const others = schema.additionalProperties;
    return typeof others === 'object' && named.length === 0 && Object.keys(others).length > 0
      ? [shownMember('*', others, false, depth)]
      : named;
  };
  /** The schema whose members are shown: of a list the schema of its entries. */
  function inner(given: JsonSchema, depth = 0): JsonSchema {
    const schema = resolved(document, given);
    if (depth === DEEPEST) return schema;
    const choice = (schema.anyOf ?? schema.oneOf)?.map((each) => resolved(document, each)).find(isComposite);
    if (choice) return inner(choice, depth + 1);
    return schema.items ? inner(schema.items, depth + 1) : schema;
  }
  /** The values of a choice, of one that may be null, or of the entries of a list. */
  function choicesOf(given: JsonSchema): readonly unknown[] {
    const { enum: values, items, anyOf = [] } = resolved(document, given);
    const nullable = anyOf.find((each) => each.type !== 'null');
    return values ?? (items && resolved(document, items).enum) ?? (nullable && resolved(document, nullable).enum) ?? [];
  }
  function shownMember(name: string, property: JsonSchema, isRequired: boolean, depth: number): ShownMember {
    const { description } = resolved(document, property);
    const values = choicesOf(property);
    return {
      name,
      type: typeWords(document, property),
      isRequired,
      text: property.description ?? description ?? null,
      values: values.map(String),
      members: members(property, depth + 1),
    };
  }
  return members;
}

const isComposite = ({ type, properties, items, anyOf, oneOf }: JsonSchema): boolean =>
  type === 'object' || type === 'array' || [properties, items, anyOf, oneOf].some((part) => part !== undefined);

const plurals: Readonly<Record<string, string>> = { object: 'objects', string: 'strings', integer: 'integers' };

/** `integer from 1 to 200`, `list of objects`, `string or null`. */
function typeWords(document: ApiDocument, given: JsonSchema, depth = 0): string {
  if (depth === DEEPEST) return 'any value';
  const schema = resolved(document, given);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return [...new Set(choices.map((choice) => typeWords(document, choice, depth + 1)))].join(' or ');
  if (Array.isArray(schema.type))
    return schema.type.map((type) => typeWords(document, { ...schema, type }, depth + 1)).join(' or ');
  if (schema.enum) return 'one of';
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const { type = 'any value', format, minimum, maximum } = schema;
  if (type === 'array') {
    if (schema.items && resolved(document, schema.items).enum) return 'list of';
    const entries = schema.items ? typeWords(document, schema.items, depth + 1) : 'values';
    return `list of ${plurals[entries] ?? entries}`;
  }
  const isBounded = minimum !== undefined && maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  if (isBounded) return `${type} from ${minimum} to ${maximum}`;
  return format === undefined ? type : `${type} (${format})`;
}

function shownOperation(
  document: ApiDocument,
  members: Members,
  base: string,
  { path, method, operation }: { path: string; method: string; operation: DocumentOperation },
): ShownOperation {
  const { summary, description, parameters = [], requestBody, responses } = operation;
  const body = requestBody?.content[JSON_TYPE];
  const [status = '200', answer] = Object.entries(responses).find(([each]) => Number(each) < 300) ?? [];
  const content = answer && resolved(document, answer).content?.[JSON_TYPE];
  const ofPlace = (place: string) => parameters.filter((parameter) => parameter.in === place);
  return {
    id: operation.operationId,
    method: method.toUpperCase(),
    path,
    callUrl: path,
    summary,
    more: description === summary ? null : description.slice(summary.length).trim(),
    permission: scopeOf(operation),
    isDeprecated: operation.deprecated === true,
    parameters: ['path', 'query', 'header']
      .filter((place) => ofPlace(place).length > 0)
      .map((place) => ({
        in: place,
        members: ofPlace(place).map(({ name, schema, required = false, description: text = null }) => ({
          name,
          type: typeWords(document, schema),
          isRequired: required,
          text: text ?? schema.description ?? null,
          values: (schema.enum ?? []).map(String),
          members: [],
        })),
      })),
    body: body
      ? { isRequired: requestBody?.required === true, members: members(body.schema), example: inJson(body.example) }
      : null,
    answer: { status, members: members(content?.schema), example: inJson(content?.example) },
    errors: errorsOf(document, operation),
    curl: curlOf(base, { path, method, operation }),
    fields: fieldsOf(operation),
  };
}

const inJson = (value: unknown): string => JSON.stringify(value ?? {}, null, 2);

function errorsOf(document: ApiDocument, { responses }: DocumentOperation): ShownOperation['errors'] {
  return Object.entries(responses)
    .filter(([status]) => Number(status) >= 400)
    .flatMap(([status, response]) =>
      Object.entries(resolved(document, response).content?.['application/problem+json']?.examples ?? {}).map(
        ([code, example]) => {
          const { detail } = resolved(document, example).value as { detail?: string };
          return { status, code, text: detail ?? STATUS_CODES[status] ?? '' };
        },
      ),
    );
}

/** A call of this operation with its examples, as a shell runs it. */
function curlOf(
  base: string,
  { path, method, operation }: { path: string; method: string; operation: DocumentOperation },
): string {
  const ids = (operation.parameters ?? []).filter(({ in: place }) => place === 'path');
  const address = ids.reduce((text, { name, example }) => text.replace(`{${name}}`, String(example)), path);
  const body = operation.requestBody?.content[JSON_TYPE]?.example;
  return [
    `curl ${method === 'get' ? '' : `-X ${method.toUpperCase()} `}${base}${address}`,
    '-H "Authorization: Bearer $TOKEN"',
    ...(body === undefined
      ? []
      : ["-H 'Content-Type: application/json'", `-d '${JSON.stringify(body).replaceAll("'", String.raw`'\''`)}'`]),
  ].join(' \\\n  ');
}

function fieldsOf({ parameters = [], requestBody }: DocumentOperation): ShownField[] {
  const body = requestBody?.content[JSON_TYPE];
  return [
    ...parameters
      .filter(({ in: place }) => place !== 'cookie')
      .map(({ name, in: place, required = false, schema }) => ({
        name,
        in: place,
        type: String(schema.type ?? 'string'),
        isRequired: required,
        value: '',
      })),
    ...(body
      ? [
          {
            name: 'body',
            in: 'body',
            type: 'json',
            isRequired: requestBody?.required === true,
            value: inJson(body.example),
          },
        ]
      : []),
  ];
}
