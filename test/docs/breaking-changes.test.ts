/** The comparison of two documents of the API: of made-up ones, and of the last release with the present. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ApiDocument, JsonSchema } from '#api/document-form.ts';
import { breakingChanges } from '../../docs/breaking-changes.ts';
import { managementDocument } from '../../docs/write-api.ts';

const object = (properties: Record<string, JsonSchema>, required: string[] = []): JsonSchema => ({
  type: 'object',
  properties,
  required,
});
const text: JsonSchema = { type: 'string' };

type Parts = {
  parameters?: ApiDocument['paths'][string][string]['parameters'];
  input?: JsonSchema;
  answer?: JsonSchema;
  status?: string;
  scope?: string;
  path?: string;
};

function documentWith({
  parameters = [],
  input,
  answer = object({ id: text }),
  status = '200',
  scope = 'users.read',
  path = '/users',
}: Parts): ApiDocument {
  const body = input && { requestBody: { content: { 'application/json': { schema: input } } } };
  return {
    openapi: '3.1.1',
    info: { title: '', version: '' },
    servers: [],
    tags: [],
    paths: {
      [path]: {
        post: {
          operationId: 'users.create',
          tags: [],
          summary: '',
          description: '',
          security: [{ oauth2: [scope] }],
          parameters,
          ...body,
          responses: { [status]: { description: '', content: { 'application/json': { schema: answer } } } },
        },
      },
    },
    components: {
      schemas: {
        Tree: object({ name: text, below: { type: 'array', items: { $ref: '#/components/schemas/Tree' } } }, ['name']),
      },
      securitySchemes: { oauth2: { flows: { clientCredentials: { scopes: { [scope]: '' } } } } },
    },
  };
}

const limit = (schema: JsonSchema, required = false) => [{ in: 'query', name: 'limit', required, schema }];
const nullable = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: 'null' }] });
const choice = (...values: string[]): JsonSchema => ({ type: 'string', enum: values });
const tree: JsonSchema = { $ref: '#/components/schemas/Tree' };

test.each<{ title: string; before: Parts; after: Parts; found: string[] }>([
  { title: 'nothing', before: {}, after: {}, found: [] },
  { title: 'a path that is gone', before: {}, after: { path: '/people' }, found: ['POST /users is gone'] },
  {
    title: 'another scope',
    before: {},
    after: { scope: 'users.manage' },
    found: ['the scope users.read is gone', 'POST /users needs the scope users.manage now'],
  },
  {
    title: 'another status',
    before: {},
    after: { status: '201' },
    found: ['POST /users does not answer with 200 any longer'],
  },
  {
    title: 'a parameter that is gone',
    before: { parameters: limit(text) },
    after: {},
    found: ['POST /users does not take the parameter limit any longer'],
  },
  { title: 'a new parameter', before: {}, after: { parameters: limit(text) }, found: [] },
  {
    title: 'a new required parameter',
    before: {},
    after: { parameters: limit(text, true) },
    found: ['POST /users requires the parameter limit now'],
  },
  {
    title: 'a parameter of another type',
    before: { parameters: limit({ type: 'integer' }) },
    after: { parameters: limit({ type: 'boolean' }) },
    found: ['POST /users does not take integer for limit any longer'],
  },
  {
    title: 'a tighter bound',
    before: { parameters: limit({ type: 'integer', maximum: 200 }) },
    after: { parameters: limit({ type: 'integer', maximum: 100 }) },
    found: ['POST /users has a tighter maximum for limit now'],
  },
  {
    title: 'a wider bound and a wider type',
    before: { parameters: limit({ type: 'integer', maximum: 100, minimum: 1 }) },
    after: { parameters: limit({ type: 'number', maximum: 200 }) },
    found: [],
  },
  { title: 'a body that is required', before: {}, after: { input: object({}) }, found: [] },
  {
    title: 'a member of the body that is gone',
    before: { input: object({ name: text }) },
    after: { input: object({}) },
    found: ['POST /users does not take name any longer'],
  },
  {
    title: 'a new required member of the body',
    before: { input: object({ name: text }) },
    after: { input: object({ name: text, email: text }, ['email']) },
    found: ['POST /users requires email now'],
  },
  {
    title: 'a new optional member of the body, and one that is required no longer',
    before: { input: object({ name: text }, ['name']) },
    after: { input: object({ name: text, email: text }) },
    found: [],
  },
  {
    title: 'a value that the body may not hold',
    before: { input: object({ type: choice('web', 'spa') }) },
    after: { input: object({ type: choice('web', 'native') }) },
    found: ['POST /users does not take "spa" for type any longer'],
  },
  {
    title: 'free text of the body that is a choice now',
    before: { input: object({ type: text }) },
    after: { input: object({ type: choice('web') }) },
    found: ['POST /users takes only some values of type now'],
  },
  {
    title: 'null that the body may not hold',
    before: { input: object({ name: nullable(text) }) },
    after: { input: object({ name: text }) },
    found: ['POST /users does not take null for name any longer'],
  },
  {
    title: 'null that the body may hold',
    before: { input: object({ name: text }) },
    after: { input: object({ name: nullable(text) }) },
    found: [],
  },
  {
    title: 'a member of the answer that is gone',
    before: { answer: object({ id: text, email: text }) },
    after: { answer: object({ id: text }) },
    found: ['POST /users answers without email'],
  },
  {
    title: 'a new member of the answer',
    before: {},
    after: { answer: object({ id: text, email: text }, ['email']) },
    found: [],
  },
  {
    title: 'a member of the answer that may be absent',
    before: { answer: object({ id: text }, ['id']) },
    after: { answer: object({ id: text }) },
    found: ['POST /users may answer without id now'],
  },
  {
    title: 'a member of the answer of another type, also deep in a list',
    before: { answer: object({ users: { type: 'array', items: object({ id: text }) } }) },
    after: { answer: object({ users: { type: 'array', items: object({ id: { type: 'integer' } }) } }) },
    found: ['POST /users answers users[].id as integer now'],
  },
  {
    title: 'null in an answer',
    before: { answer: object({ name: text }) },
    after: { answer: object({ name: { type: ['string', 'null'] } }) },
    found: ['POST /users answers name as null now'],
  },
  {
    title: 'an answer without null',
    before: { answer: object({ name: nullable(text) }) },
    after: { answer: object({ name: text }) },
    found: [],
  },
  {
    title: 'a value that no answer has',
    before: { answer: object({ status: choice('active', 'disabled') }) },
    after: { answer: object({ status: choice('active', 'invited') }) },
    found: ['POST /users never answers "disabled" for status any longer'],
  },
  {
    title: 'a value of a map',
    before: { answer: { type: 'object', additionalProperties: text } },
    after: { answer: { type: 'object', additionalProperties: { type: 'boolean' } } },
    found: ['POST /users answers * as boolean now'],
  },
  {
    title: 'one of several forms of an answer',
    before: { answer: { anyOf: [object({ a: text }, ['a']), object({ b: text, c: text }, ['b'])] } },
    after: { answer: { anyOf: [object({ a: text }, ['a']), object({ b: text }, ['b']), object({ d: text })] } },
    found: ['POST /users answers without c'],
  },
  { title: 'a schema that contains itself', before: { answer: tree }, after: { answer: tree }, found: [] },
])('$title', ({ before, after, found }) => {
  expect(breakingChanges(documentWith(before), documentWith(after))).toEqual(found);
});

test('the API takes and answers all that it did in the last release', () => {
  const path = join(import.meta.dirname, '../../docs/api/openapi.released.json');
  const released = JSON.parse(readFileSync(path, 'utf8')) as ApiDocument;
  expect(
    breakingChanges(released, managementDocument()),
    'Programs would break. Keep what stands there and add the new beside it, marked as deprecated where it is superseded (docs/api.md).',
  ).toEqual([]);
});
