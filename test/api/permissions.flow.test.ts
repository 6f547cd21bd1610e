/** Every operation that the API offers, and every permission that there is: the right one opens it, no other does. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isOwn, permissions } from '#directory/access/module.ts';
import { mounted } from '../../src/app/api.ts';
import { operations } from '../../src/app/operations.ts';
import { routeOf } from '../../src/api/operation-route.ts';
import { API, callApi, clientTokens, refusalOf } from '../support/api.ts';
import { startTestApp, type TestApp, type TestClient } from '../support/app.ts';
import { post } from '../support/visitor.ts';

const otherApi = 'https://reports.example';
const everything = Object.keys(permissions);

let latchkey: TestApp;
let robot: TestClient;
beforeAll(async () => {
  const settings = {
    'limits.refusedTokensPerAddress': 10_000,
    'limits.apiCallsPerMinute': 10_000,
    'oidc.registration': 'token',
  };
  latchkey = await startTestApp({ settings });
  const scopes = everything.map((name) => ({ name }));
  await latchkey.run('apis.create', { identifier: otherApi, token_format: 'opaque', scopes });
  const apis = { [API]: ['*'], [otherApi]: ['*'] };
  robot = await latchkey.client({ type: 'machine', redirect_uris: undefined, apis });
});
afterAll(() => latchkey.close());

const offered = operations
  .filter(({ name, permission }) => mounted.includes(name) && !isOwn(permission))
  .map((operation) => ({ operation, ...routeOf(operation) }))
  .map(({ operation: { name, permission, example, errors }, ...route }) => ({
    name,
    permission,
    example,
    // The act needs more permissions than the operation: each one that is given or taken.
    grants: errors.some(({ code }) => code === 'access.permissions_not_held'),
    ...route,
  }));

test('every mounted operation is in this test, but those on the own data of a user', () => {
  const own = operations.filter(({ permission }) => isOwn(permission)).map(({ name }) => name);
  expect([...offered.map(({ name }) => name), ...own].toSorted()).toEqual([...mounted].toSorted());
});

const ownOperations = operations
  .filter(({ name, permission }) => mounted.includes(name) && isOwn(permission))
  .map(({ name, permission, ...rest }) => ({ name, permission, ...routeOf({ name, ...rest }) }));

test.each(ownOperations)('no client that acts for itself opens $method $path', async ({ method, path, permission }) => {
  const { access_token: token } = await clientTokens(latchkey, robot, { scope: permission });
  const address = path.replace(/^\/api/, '').replaceAll(/\{\w+\}/g, 'acme');
  expect(refusalOf(await callApi(latchkey, address, { method, token }))).toEqual([403, 'api.insufficient_scope']);
});

const tokens = new Map<string, Promise<string>>();
const tokenOf = (scope: string, resource: string): Promise<string> => {
  const key = `${resource} ${scope}`;
  const token = tokens.get(key) ?? clientTokens(latchkey, robot, { scope, resource }).then((made) => made.access_token);
  tokens.set(key, token);
  return token;
};

describe.each(offered)('$method $path ($name)', ({ permission, example, grants, method, path, status, reads }) => {
  /** Of nothing: who may not call learns nothing about what exists, and who may changes nothing. */
  const address = path.replace(/^\/api/, '').replaceAll(/\{\w+\}/g, 'nothing_01h455vb4pex5vsknk084sn02q');
  const callWith = async (scope: string, resource = API, json?: unknown) => {
    return callApi(latchkey, address, { method, token: await tokenOf(scope, resource), json });
  };

  test('needs a token', async () => {
    expect(refusalOf(await callApi(latchkey, address, { method }))).toEqual([401, 'api.invalid_token']);
  });

  test('needs a token for this API', async () => {
    expect(refusalOf(await callWith(everything.join(' '), otherApi))).toEqual([401, 'api.invalid_token']);
    const { body } = await post(`${latchkey.base}/oidc/token`, robot, { grant_type: 'client_credentials' });
    const answer = await callApi(latchkey, address, { method, token: body.access_token });
    expect(refusalOf(answer)).toEqual([401, 'api.invalid_token']);
  });

  test(`is not opened by any permission but ${permission}`, async () => {
    const others = everything.filter((name) => name !== permission);
    for (const scope of [others.join(' '), '']) {
      const answer = await callWith(scope);
      expect(refusalOf(answer), scope).toEqual([403, 'api.insufficient_scope']);
      expect(answer.body['scope']).toBe(permission);
    }
  });

  test(`is opened by ${permission} alone`, async () => {
    const answer = await callWith(permission, API, reads ? undefined : example);
    const opened = path.includes('{') ? [404] : [status, ...(grants ? [403, 404] : [])];
    expect(opened, JSON.stringify(answer.body)).toContain(answer.status);
    expect(answer.body['code']).not.toBe('api.insufficient_scope');
  });
});
