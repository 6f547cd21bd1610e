import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../support/app.ts';
import { post } from '../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'oidc.registration': 'open' } });
  client = await latchkey.run<TestClient>('clients.create', { name: 'Robot', type: 'machine' });
});
afterAll(() => latchkey.close());

const basic = ({ client_id: id, client_secret: secret }: TestClient) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});
const send = (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(`${latchkey.base}${path}`, { method: 'POST', redirect: 'manual', body: new URLSearchParams(form), headers });
async function issued(): Promise<string> {
  return (await post(`${latchkey.base}/oidc/token`, client, { grant_type: 'client_credentials' })).body.access_token;
}

describe('an empty answer names no type, which a library would read it by (RFC 9110 §8.3)', () => {
  test.each<[string, number, () => Promise<Response>]>([
    [
      'revocation of a token (RFC 7009 §2.2)',
      200,
      async () => send('/oidc/revoke', { token: await issued() }, basic(client)),
    ],
    ['revocation of a token that is unknown', 200, () => send('/oidc/revoke', { token: 'x' }, basic(client))],
    [
      'deletion of a registration (RFC 7592 §2.3)',
      204,
      async () => {
        const registered = await fetch(`${latchkey.base}/oidc/register`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ redirect_uris: ['https://software.example/cb'] }),
        });
        const { registration_client_uri: uri, registration_access_token: token } = (await registered.json()) as {
          registration_client_uri: string;
          registration_access_token: string;
        };
        return fetch(uri, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } });
      },
    ],
    ['a posted sign-out, which goes on by GET', 303, () => send('/oidc/logout', {})],
  ])('%s', async (_what, status, ask) => {
    const answer = await ask();
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([status, null, '']);
  });

  test('a revoked token is gone', async () => {
    const token = await issued();
    await send('/oidc/revoke', { token }, basic(client));
    expect((await post(`${latchkey.base}/oidc/introspect`, client, { token })).body).toEqual({ active: false });
  });
});
