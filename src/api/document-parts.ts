/** The parts that operations share in the finished document: named objects of requests and answers, and refusals that are the same everywhere. */
import { type ApiDocument, type DocumentResponse, type JsonSchema, operationsOf } from './document-form.ts';
import { exampleMaker } from './document-examples.ts';

const JSON_TYPE = 'application/json';

/** Adds examples, and moves what several operations say into components. The document is changed and given back. */
export function withParts(document: ApiDocument): ApiDocument {
  addExamples(document);
  nameSchemas(document);
  shareResponses(document);
  return document;
}

const nounsOf = (operationId: string): string[] => operationId.split('.').slice(0, -1);
const verbOf = (operationId: string): string => operationId.split('.').at(-1)!;

function addExamples(document: ApiDocument): void {
  const exampleOf = exampleMaker(document);
  for (const { operation } of operationsOf(document)) {
    const noun = nounsOf(operation.operationId).at(-1)!;
    for (const parameter of operation.parameters ?? [])
      if (parameter.in === 'path') parameter.example = exampleOf(parameter.schema, { name: parameter.name, noun });
    const body = operation.requestBody?.content[JSON_TYPE];
    if (body) body.example ??= exampleOf(body.schema, { name: '', noun });
    for (const [status, { content }] of Object.entries(operation.responses)) {
      const answer = Number(status) < 300 ? content?.[JSON_TYPE] : undefined;
      if (answer) answer.example ??= exampleOf(answer.schema, { name: '', noun });
    }
  }
}

/** The verb that shows an object best gives it its name; another form of the same noun is named by its verb as well. */
const naming = ['read', 'list', 'create', 'update'];

/** Names for the objects that operations take and answer: `User`, `OrganizationMember`, `UserList`, `ClientCreateInput`. */
function nameSchemas(document: ApiDocument): void {
  const schemas = (document.components.schemas ??= {});
  const known = new Map<string, string>();
  const named = (schema: JsonSchema, wishes: readonly string[]): JsonSchema => {
    if (schema.properties === undefined) return schema;
    const text = JSON.stringify(schema);
    const free = wishes.find((wish) => !Object.hasOwn(schemas, wish));
    const name = known.get(text) ?? free;
    if (name === undefined) return schema;
    known.set(text, name);
    schemas[name] = schema;
    return { $ref: `#/components/schemas/${name}` };
  };
  const rank = (id: string): number => (naming.indexOf(verbOf(id)) + naming.length + 1) % (naming.length + 1);
  const sorted = operationsOf(document)
    .map(({ operation }) => operation)
    .toSorted((a, b) => rank(a.operationId) - rank(b.operationId));
  for (const { operationId: id, responses } of sorted)
    for (const content of contentsOf(responses)) {
      const noun = typeName(id);
      const [name, list] = listOf(content.schema) ?? [];
      if (name !== undefined && list?.items) {
        list.items = named(list.items, [noun, `${noun}ListEntry`]);
        content.schema = named(content.schema, [`${noun}List`]);
      } else content.schema = named(content.schema, [noun, `${noun}${pascal([verbOf(id)])}Answer`]);
    }
  for (const { operationId: id, requestBody } of sorted) {
    const body = requestBody?.content[JSON_TYPE];
    if (body) body.schema = named(body.schema, [`${typeName(id)}${pascal([verbOf(id)])}Input`]);
  }
}

const contentsOf = (responses: Record<string, DocumentResponse>) =>
  Object.entries(responses).flatMap(([status, { content }]) => {
    const answer = Number(status) < 300 ? content?.[JSON_TYPE] : undefined;
    return answer ? [answer] : [];
  });

/** The member with the objects of a list. */
const listOf = ({ properties = {} }: JsonSchema): [string, JsonSchema] | undefined =>
  Object.hasOwn(properties, 'next_cursor')
    ? Object.entries(properties).find(([, { type }]) => type === 'array')
    : undefined;

const irregular: Readonly<Record<string, string>> = {
  branding: 'branding',
  waitlist: 'waitlist_entry',
  access: 'access',
  settings: 'setting',
  saml: 'saml',
  policies: 'policy',
  identities: 'identity',
  properties: 'property',
  own_identities: 'own_identity',
};
const singular = (noun: string): string => irregular[noun] ?? noun.replace(/ies$/, 'y').replace(/(?<!s)s$/, '');
const pascal = (words: readonly string[]): string =>
  words
    .flatMap((word) => word.split('_'))
    .map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
    .join('');
const typeName = (operationId: string): string => pascal(nounsOf(operationId).map(singular));

/** Refusals that many operations give in the same words stand once in the document; so does each example of an error. */
function shareResponses(document: ApiDocument): void {
  const examples: Record<string, { value: unknown }> = {};
  const counted = new Map<string, { response: DocumentResponse; status: string; count: number }>();
  const failures = operationsOf(document).flatMap(({ operation: { responses } }) =>
    Object.entries(responses).filter(([status]) => Number(status) >= 400),
  );
  for (const [status, response] of failures) {
    for (const content of Object.values(response.content ?? {}))
      for (const [code, { value }] of Object.entries(content.examples ?? {})) {
        const name = Object.hasOwn(examples, code) && !isSame(examples[code]!.value, value) ? null : code;
        if (name === null) continue;
        examples[name] = { value };
        content.examples![code] = { $ref: `#/components/examples/${name}` };
      }
    const text = JSON.stringify(response);
    const found = counted.get(text) ?? { response, status, count: 0 };
    counted.set(text, { ...found, count: found.count + 1 });
  }
  const shared: Record<string, DocumentResponse> = {};
  const names = new Map<string, string>();
  for (const [text, { response, status, count }] of counted) {
    if (count < 2) continue;
    const taken = Object.keys(shared).filter((name) => name.startsWith(`Refused${status}`)).length;
    const name = `Refused${status}${taken === 0 ? '' : `_${taken + 1}`}`;
    shared[name] = { ...response };
    names.set(text, name);
  }
  for (const { operation } of operationsOf(document))
    for (const [status, response] of Object.entries(operation.responses)) {
      const name = names.get(JSON.stringify(response));
      if (name !== undefined)
        operation.responses[status] = { $ref: `#/components/responses/${name}` } as DocumentResponse;
    }
  Object.assign(document.components, { examples, responses: shared });
}

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
