import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiDocument, type DocumentOperation, operationsOf } from '#api/document-form.ts';
import { apiScopes, permissions } from '#directory/access/module.ts';
import { mounted } from '../../src/app/api.ts';
import { API, callApi } from '../support/api.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

type Flows = { flows: Record<string, { scopes: object; tokenUrl: string }> };

let latchkey: TestApp;
let document: ApiDocument;
beforeAll(async () => {
  latchkey = await startTestApp();
  const answer = await callApi(latchkey, '/openapi.json');
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
  document = answer.body as unknown as ApiDocument;
});
afterAll(() => latchkey.close());

const operationNamed = (name: string): DocumentOperation =>
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
  const { authorizationCode, clientCredentials } = (document.components.securitySchemes!['oauth2'] as Flows).flows;
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
  expect(parameters?.filter((each) => each.in === 'path')).toMatchObject([{ name: 'user_id', required: true }]);
  const query = operationNamed('clients.list').parameters!;
  expect(query.find(({ name }) => name === 'limit')).toMatchObject({
    in: 'query',
    schema: { default: 100, maximum: 200 },
  });
});

test('names the headers that the door takes and sends', () => {
  const headersOf = (name: string) =>
    operationNamed(name)
      .parameters!.filter((each) => each.in === 'header')
      .map(({ name: header }) => header);
  expect(headersOf('organizations.read')).toEqual(['If-None-Match']);
  expect(headersOf('organizations.update')).toEqual(['If-Match']);
  expect(headersOf('organizations.suspend')).toEqual(['Idempotency-Key', 'If-Match']);
  expect(headersOf('organizations.create')).toEqual(['Idempotency-Key']);
  const { responses } = operationNamed('organizations.read');
  expect(Object.keys(responses['200']!.headers!)).toEqual(['X-Request-Id', 'RateLimit', 'RateLimit-Policy', 'ETag']);
  expect(Object.keys(responses['304']!.headers!)).toContain('ETag');
  expect(Object.keys(operationNamed('organizations.create').responses['201']!.headers!)).toContain('Location');
  const { content } = operationNamed('organizations.update').requestBody as { content: Record<string, object> };
  expect(content['application/merge-patch+json']).toEqual(content['application/json']);
});

test('is the same for every caller, and needs no token', async () => {
  const answer = await callApi(latchkey, '/openapi.json', { token: 'made-up', headers: { cookie: 'a=b' } });
  expect(answer.body).toEqual(document);
  expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
});

test('is shown as pages, for everybody, and which have the words of the document', async () => {
  const page = async (path: string) => {
    const answer = await fetch(`${latchkey.base}/api/docs${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  for (const { name } of document.tags) {
    const { status, text } = await page(`/${name}`);
    expect([status, name]).toEqual([200, name]);
    for (const { operationId, tags } of operationsOf(document).map(({ operation }) => operation))
      if (tags[0] === name) expect(text).toContain(`id="${operationId}"`);
  }
  expect((await page('/flowers')).status).toBe(404);
  expect((await page('')).text).toContain(`${latchkey.base}/api/v1`);
});

test('the explorer signs users in by a client that no list shows and no operator can make, and a setting ends both', async () => {
  const asked = () =>
    fetch(
      `${latchkey.base}/oidc/auth?${new URLSearchParams({
        client_id: 'latchkey-api-docs',
        response_type: 'code',
        redirect_uri: `${latchkey.base}/api/docs`,
        scope: 'users.read',
        resource: API,
        code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
        code_challenge_method: 'S256',
      })}`,
      { redirect: 'manual' },
    );
  expect((await asked()).headers.get('location')).toMatch(/\/interaction\//);
  const { clients } = await latchkey.run<{ clients: { client_id: string }[] }>('clients.list');
  expect(clients.map(({ client_id: id }) => id)).not.toContain('latchkey-api-docs');
  await expect(latchkey.client({ client_id: 'latchkey-api-docs' })).rejects.toThrow('clients.client_id_taken');
  await latchkey.run('settings.update', { name: 'api.explorer', value: 'off' });
  expect([(await asked()).status, (await fetch(`${latchkey.base}/api/docs`)).status]).toEqual([400, 404]);
});
