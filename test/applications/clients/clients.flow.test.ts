import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp({ settings: { 'oidc.registration': 'open' } });
  await app.run('apis.create', { identifier: 'https://api.example', scopes: [{ name: 'read' }, { name: 'write' }] });
});
afterAll(() => app.close());

type Answer = { status: number; body: Record<string, unknown> };

async function send(path: string, init: RequestInit): Promise<Answer> {
  const answer = await fetch(new URL(path, app.base), init);
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

const token = (client: Pick<TestClient, 'client_id'>, secret: string, parameters: Record<string, string> = {}) =>
  send('/oidc/token', {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${client.client_id}:${secret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...parameters }),
  });
const machine = (more: object = {}) =>
  app.run<TestClient>('clients.create', { name: 'Robot', type: 'machine', ...more });

describe('client authentication (RFC 6749 §2.3)', () => {
  test('accepts the old and the new secret during a rotation, and only the new one without overlap', async () => {
    const robot = await machine();
    const { client_secret: second } = await app.run<TestClient>('clients.secrets.rotate', {
      client_id: robot.client_id,
    });
    expect([(await token(robot, robot.client_secret)).status, (await token(robot, second)).status]).toEqual([200, 200]);
    const { client_secret: third } = await app.run<TestClient>('clients.secrets.rotate', {
      client_id: robot.client_id,
      overlap_seconds: 0,
    });
    const answers = await Promise.all([robot.client_secret, second, third].map((secret) => token(robot, secret)));
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 200]);
    expect(answers[0]?.body).toMatchObject({ error: 'invalid_client' });
  });

  test.each([
    ['disable', 'enable'],
    ['delete', null],
  ])('is refused at once after %s', async (end, back) => {
    const robot = await machine();
    expect((await token(robot, robot.client_secret)).status).toBe(200);
    await app.run(`clients.${end}`, { client_id: robot.client_id });
    expect(await token(robot, robot.client_secret)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    if (!back) return;
    await app.run(`clients.${back}`, { client_id: robot.client_id });
    expect((await token(robot, robot.client_secret)).status).toBe(200);
  });

  test('accepts only the registered method', async () => {
    const robot = await machine({ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://rp.example/jwks' });
    expect((await token(robot, 'x'.repeat(43))).status).toBe(401);
  });
});

describe('the audience of a token (RFC 8707)', () => {
  test.each([
    [{ 'https://api.example': ['*'] }, 'read write', 200, 'read write'],
    [{ 'https://api.example': ['read'] }, 'read write', 200, 'read'],
    [{}, 'read', 400, undefined],
  ])('with the access %j, asked for %s', async (apis, scope, status, granted) => {
    const robot = await machine({ apis });
    const answer = await token(robot, robot.client_secret, { resource: 'https://api.example', scope });
    expect(answer).toMatchObject({
      status,
      body: granted === undefined ? { error: 'invalid_target' } : { scope: granted, expires_in: 600 },
    });
  });
});

describe('dynamic registration (RFC 7591, RFC 7592)', () => {
  const register = (metadata: object) =>
    send('/oidc/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(metadata),
    });
  const manage = (registered: Record<string, unknown>, method: string, body?: object) =>
    send(String(registered['registration_client_uri']), {
      method,
      headers: {
        authorization: `Bearer ${String(registered['registration_access_token'])}`,
        'content-type': 'application/json',
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  const given = { redirect_uris: ['https://visitor.example/cb'], client_name: 'Visitor' };

  test('registers, reads, updates and deletes a client with one secret', async () => {
    const { status, body: registered } = await register(given);
    expect(status).toBe(201);
    const read = await manage(registered, 'GET');
    expect(read).toMatchObject({
      status: 200,
      body: { client_name: 'Visitor', client_secret: registered['client_secret'] },
    });
    const update = {
      ...given,
      client_name: 'Guest',
      client_id: registered['client_id'],
      client_secret: registered['client_secret'],
    };
    const updated = await manage(read.body, 'PUT', update);
    expect(updated).toMatchObject({
      status: 200,
      body: { client_name: 'Guest', client_secret: registered['client_secret'] },
    });
    expect((await manage(updated.body, 'DELETE')).status).toBe(204);
    expect((await manage(updated.body, 'GET')).status).toBe(401);
  });

  test('cannot read, change or delete another client with its own registration access token', async () => {
    const { body: mine } = await register(given);
    const { body: other } = await register(given);
    const stolen = { ...mine, registration_client_uri: other['registration_client_uri'] };
    for (const method of ['GET', 'DELETE']) expect((await manage(stolen, method)).status).toBe(401);
    const shop = await app.client();
    expect(
      (await manage({ ...other, registration_client_uri: `${app.base}/oidc/register/${shop.client_id}` }, 'DELETE'))
        .status,
    ).toBe(401);
  });

  test.each([
    [{ redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: ['http://visitor.example/cb'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: ['https://*.visitor.example/cb'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: ['https://user@visitor.example/cb'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: ['https://visitor.example/cb#'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: ['https://VISITOR.example/cb'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: Array.from({ length: 1000 }, (_, n) => `https://visitor.example/${n}`) }, 'invalid_redirect_uri'],
    [{ ...given, logo_uri: 'http://visitor.example/logo.png' }, 'invalid_client_metadata'],
    [{ ...given, jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } }, 'invalid_client_metadata'],
    [{ ...given, client_name: 'evil\u202Egnp' }, 'invalid_client_metadata'],
  ])('%j is refused: %s', async (metadata, error) => {
    expect(await register(metadata)).toMatchObject({ status: 400, body: { error } });
  });

  test('makes no client first-party, with any input', async () => {
    const { body } = await register({
      ...given,
      first_party: true,
      skip_consent: true,
      type: 'machine',
      profile: 'default',
      apis: { 'https://api.example': ['*'] },
    });
    const shown = await app.run('clients.read', { client_id: body['client_id'] });
    expect(shown).toMatchObject({ first_party: false, registered: true, apis: {}, type: 'web', profile: 'default' });
  });
});
