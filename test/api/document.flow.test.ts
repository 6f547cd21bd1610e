import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiScopes, permissions } from '#directory/access/module.ts';
import { mounted } from '../../src/app/api.ts';
import { callApi } from '../support/api.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

type Operation = {
  operationId: string;
  description: string;
  security: Record<string, string[]>[];
  parameters?: { in: string; name: string; required?: boolean; schema: Record<string, unknown> }[];
  requestBody?: object;
  responses: Record<
    string,
    {
      description: string;
      headers?: object;
      content: Record<string, { schema: object; examples: Record<string, { value: object }> }>;
    }
  >;
};
type Document = {
  openapi: string;
  servers: { url: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: {
    securitySchemes: Record<string, { flows: Record<string, { scopes: object; tokenUrl: string }> }>;
    schemas: object;
  };
};

let latchkey: TestApp;
let document: Document;
beforeAll(async () => {
  latchkey = await startTestApp();
  const answer = await callApi(latchkey, '/openapi.json');
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
  document = answer.body as Document;
});
afterAll(() => latchkey.close());

const operationNamed = (name: string): Operation =>
  Object.values(document.paths)
    .flatMap((methods) => Object.values(methods))
    .find(({ operationId }) => operationId === name)!;

test('is valid OpenAPI 3.1', async () => {
  const result = await new Validator().validate(structuredClone(document));
  expect(result.errors).toBeUndefined();
  expect([result.valid, document.openapi.slice(0, 3)]).toEqual([true, '3.1']);
});

test('contains every mounted operation with its scope', () => {
  const found = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  expect(found.map(({ operationId }) => operationId).toSorted()).toEqual([...mounted].toSorted());
  for (const { security } of found) {
    const [{ oauth2: [scope] = [] } = {}] = security;
    expect(Object.keys(apiScopes)).toContain(scope);
    expect(security).toEqual([{ oauth2: [scope] }, { openIdConnect: [scope] }]);
  }
});

test('names the token endpoint', () => {
  expect(document.servers).toEqual([{ url: latchkey.base }]);
  const { authorizationCode, clientCredentials } = document.components.securitySchemes['oauth2']!.flows;
  for (const flow of [authorizationCode, clientCredentials]) {
    expect(flow).toMatchObject({ tokenUrl: `${latchkey.base}/oidc/token` });
    expect(flow!.scopes).toMatchObject(permissions);
  }
  expect(authorizationCode!.scopes).toEqual(apiScopes);
  expect(clientCredentials!.scopes).toEqual(permissions);
});

test('describes path and query', () => {
  expect(document.paths['/api/v1/users/{user_id}/disable']?.['post']).toBe(operationNamed('users.disable'));
  const { parameters } = operationNamed('users.disable');
  expect(operationNamed('users.read').requestBody).toBeUndefined();
  expect(parameters).toMatchObject([{ in: 'path', name: 'user_id', required: true }]);
  const query = operationNamed('clients.list').parameters!;
  expect(query.find(({ name }) => name === 'limit')).toMatchObject({
    in: 'query',
    schema: { default: 100, maximum: 200 },
  });
});

test.each(mounted)('%s names every error with its status and its code', (name) => {
  const { responses } = operationNamed(name);
  const expected = [
    'api.invalid_token',
    'api.insufficient_scope',
    'api.too_many_calls',
    'input.invalid',
    'server.fault',
    'server.unavailable',
  ];
  const examples = Object.entries(responses).flatMap(([status, { content }]) =>
    Object.entries(content['application/problem+json']?.examples ?? {}).map(([code, { value }]) => ({
      status,
      code,
      value,
    })),
  );
  expect(examples.map(({ code }) => code)).toEqual(expect.arrayContaining(expected));
  for (const { status, code, value } of examples)
    expect(value).toMatchObject({ status: Number(status), code, type: `urn:latchkey:problem:${code}` });
  const done = name.endsWith('.create') ? '201' : '200';
  expect(Object.keys(responses)).toEqual(expect.arrayContaining([done, '401', '403', '422', '429', '500', '503']));
});

test('is the same for every caller, and needs no token', async () => {
  const answer = await callApi(latchkey, '/openapi.json', { token: 'made-up', headers: { cookie: 'a=b' } });
  expect(answer.body).toEqual(document);
  expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
});
