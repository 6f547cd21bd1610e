/** Software that registers itself and imitates another application: the consent page reveals it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { authorizeUrl, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'oidc.registration': 'open' } });
});
afterAll(() => latchkey.close());

async function register(members: Record<string, unknown>): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`${latchkey.base}/oidc/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: ['https://evil.test/cb'], ...members }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

async function consentPage(client: TestClient): Promise<string> {
  const { email, password } = await latchkey.user();
  const visitor = new Visitor();
  const first = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
  const page = await visitor.submit(await visitor.submit(first, { email }), { password });
  expect(page.status).toBe(200);
  return page.text;
}

test.each([
  'Acme\u200bAdmin',
  'Acme\u202enimdA',
  '\u0410cme Admin',
  'Acme\nAdmin',
  'x'.repeat(500),
  '\u3164',
  `A${'\u0301'.repeat(40)}`,
])('the name %j is refused', async (client_name) => {
  const { status, body } = await register({ client_name });
  expect([status, body['error']]).toEqual([400, 'invalid_client_metadata']);
});

test.each([['https://evil.test/cb'], ['http://localhost:9/cb']])(
  'the consent page shows the host of the redirect URI %s, whatever the name says',
  async (uri) => {
    const { status, body } = await register({ client_name: 'Acme Admin', redirect_uris: [uri] });
    expect(status).toBe(201);
    expect(await consentPage(body as unknown as TestClient)).toContain(new URL(uri).host);
  },
);

test.each([
  { policy_uri: 'javascript:alert(1)' },
  { tos_uri: 'data:text/html,x' },
  { client_uri: 'http://evil.test/' },
  { logo_uri: 'https://evil.test@acme.example/' },
])('%j is refused', async (member) => {
  const { status, body } = await register(member);
  expect([status, body['error']]).toEqual([400, 'invalid_client_metadata']);
});

test('the consent page loads no third-party image and links to web addresses only', async () => {
  const { body } = await register({
    client_name: 'Acme Admin',
    logo_uri: 'https://evil.test/logo.svg',
    policy_uri: 'https://evil.test/"onclick="alert(1)',
    tos_uri: "https://evil.test/'><svg onload=alert(1)>",
  });
  const page = body['client_id'] ? await consentPage(body as unknown as TestClient) : '';
  expect(page).not.toContain('logo.svg');
  expect(page).not.toMatch(/onclick="alert|<svg onload/);
});

test.each(['constructor', 'toString', 'hasOwnProperty', 'valueOf', 'client_name#de', 'x_unknown'])(
  'an unknown member %s is ignored (RFC 7591 §2)',
  async (member) => {
    const { status, body } = await register({ [member]: { a: 1 } });
    expect(status).toBe(201);
    expect(Object.hasOwn(body, member)).toBe(false);
  },
);

test('a registration cannot set members that only the operator may set', async () => {
  const { body } = await register({
    first_party: true,
    skip_consent: true,
    tenant: 'x',
    organization: 'x',
    type: 'machine',
    profile: 'fapi2_security',
    apis: { '*': '*' },
    disabled: false,
    registered: false,
  });
  const shown = await latchkey.run('clients.read', { client_id: body['client_id'] });
  expect(shown).toMatchObject({ first_party: false, registered: true, apis: {}, type: 'web', profile: 'default' });
  expect(shown).not.toHaveProperty('skip_consent');
});
