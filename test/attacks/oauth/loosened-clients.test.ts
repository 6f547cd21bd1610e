/** Attackers who turn the loosened members of clients against their users. */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, pkce, post, tokensFor, Visitor } from '../../support/visitor.ts';

type Body = Record<string, unknown>;

let latchkey: TestApp;
let victim: TestUser;
let attacker: TestUser;
let exempt: TestClient;

beforeAll(async () => {
  latchkey = await startTestApp({
    settings: { 'oidc.registration': 'open', 'limits.registrationsPerAddress': 10_000 },
  });
  [victim, attacker] = [await latchkey.user({ name: 'Vera' }), await latchkey.user()];
  exempt = await latchkey.client({ first_party: true, require_pkce: false });
});
afterAll(() => latchkey.close());

const update = (client: TestClient, changes: Body) =>
  latchkey.run<Body>('clients.update', { client_id: client.client_id, ...changes });

async function register(metadata: Body): Promise<{ status: number; body: Body }> {
  const answer = await fetch(`${latchkey.base}/oidc/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: ['https://rp.example/cb'], ...metadata }),
  });
  return { status: answer.status, body: (await answer.json()) as Body };
}

describe('a client without PKCE', () => {
  const none = { code_challenge_method: undefined };

  test('finds out a code that was injected, by the nonce of the other request', async () => {
    const stolen = await new Visitor().signIn(
      authorizeUrl(latchkey.base, exempt, { ...none, nonce: 'of-victim' }),
      victim,
    );
    // The attacker puts the code into a sign-in of their own, whose nonce the client keeps.
    const { body } = await post(`${latchkey.base}/oidc/token`, exempt, {
      grant_type: 'authorization_code',
      code: stolen.get('code') ?? '',
      redirect_uri: exempt.redirect_uris[0]!,
    });
    expect(decodeJwt(body.id_token)['nonce']).toBe('of-victim');
  });

  test('cannot be robbed of the nonce on the way: neither left out nor without openid', async () => {
    for (const asked of [
      { nonce: undefined },
      { nonce: '' },
      { scope: 'profile email' },
      { scope: 'offline_access' },
    ]) {
      const back = await new Visitor().signIn(authorizeUrl(latchkey.base, exempt, { ...none, ...asked }), attacker);
      expect([back.get('code'), back.get('error')]).toEqual([null, 'invalid_request']);
    }
  });

  test.each<[string, Body]>([
    ['a public client', { token_endpoint_auth_method: 'none' }],
    ['a FAPI client', { profile: 'fapi2_security', token_endpoint_auth_method: 'private_key_jwt' }],
  ])('cannot become %s and stay exempt', async (_what, changes) => {
    const app = await latchkey.client({
      type: 'native',
      redirect_uris: ['http://127.0.0.1/cb'],
      token_endpoint_auth_method: 'client_secret_basic',
      require_pkce: false,
    });
    await expect(update(app, changes)).rejects.toThrow('require_pkce');
  });

  test('is nothing that software gives itself, unless the operator says so, and never to a public client', async () => {
    expect((await register({ require_pkce: false })).status).toBe(400);
    const name = 'oidc.registrationMembers';
    await latchkey.run('settings.update', { name, value: '["require_pkce"]' });
    expect((await register({ require_pkce: false, token_endpoint_auth_method: 'none' })).status).toBe(400);
    expect((await register({ require_pkce: false })).status).toBe(201);
    await latchkey.run('settings.update', { name, value: 'null' });
  });
});

describe('claims', () => {
  test('software cannot map claims, and cannot list claims beyond the scopes that the user allowed', async () => {
    expect((await register({ mapped_claims: { groups: { source: 'roles' } } })).status).toBe(400);
    const { body } = await register({ id_token_claims: ['*', 'email', 'phone_number'], scope: 'openid profile' });
    const client = body as TestClient & Body;
    const visitor = new Visitor();
    const { verifier, challenge } = pkce();
    const back = await visitor.signIn(
      authorizeUrl(latchkey.base, client, { code_challenge: challenge, scope: 'openid profile' }),
      victim,
    );
    const { body: tokens } = await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: 'authorization_code',
      code: back.get('code') ?? '',
      redirect_uri: client.redirect_uris[0]!,
      code_verifier: verifier,
    });
    const told = decodeJwt(tokens.id_token);
    expect(told).toMatchObject({ name: 'Vera' });
    // The local part of the address is no name here: this client may not see the address.
    for (const claim of ['email', 'email_verified', 'phone_number', 'preferred_username'])
      expect(told).not.toHaveProperty(claim);
    expect(JSON.stringify(told)).not.toContain(victim.email.split('@')[0]);
  });

  test('a consent that is taken back takes mapped claims along', async () => {
    const mapped_claims = { who: { source: 'claim', name: 'name' }, groups: { source: 'roles' } };
    const third = await latchkey.client({ mapped_claims });
    const tokens = await tokensFor(latchkey.base, third, victim, { scope: 'openid profile' });
    const userinfo = () =>
      fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    expect(await (await userinfo()).json()).toMatchObject({ who: 'Vera', groups: [] });
    await update(third, { scope: 'openid' });
    const narrowed = (await (await userinfo()).json()) as Body;
    expect(narrowed).toEqual({ sub: victim.id });
    await latchkey.run('users.consents.delete', { user_id: victim.id, client_id: third.client_id });
    expect((await userinfo()).status).toBe(401);
  });
});

describe('addresses', () => {
  test.each([
    'javascript://%0aalert(1)',
    'data:text/html,x',
    'intent://x',
    'cursor://cb',
    'ms-settings:x',
    'web+app:x',
  ])('software cannot register %s, whatever type it says it has', async (uri) => {
    for (const application_type of ['native', 'web'])
      expect((await register({ application_type, redirect_uris: [uri] })).status).toBe(400);
  });

  test('a web client gets no free port at localhost', async () => {
    const web = await latchkey.client({ redirect_uris: ['http://localhost:3000/cb'] });
    const page = await new Visitor().request(
      authorizeUrl(
        latchkey.base,
        { ...web, redirect_uris: ['http://localhost:4000/cb'] },
        { code_challenge: pkce().challenge },
      ),
    );
    expect([page.status, page.location]).toEqual([400, null]);
  });
});
