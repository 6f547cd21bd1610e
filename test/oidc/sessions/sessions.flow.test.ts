import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '#kernel/ids.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, pkce, post, tokensFor, type TokenAnswer, Visitor } from '../../support/visitor.ts';

const api = 'https://api.example';
const offline = { scope: 'openid offline_access', prompt: 'consent' };

let latchkey: TestApp;
let client: TestClient;
let server: TestClient;
beforeAll(async () => {
  latchkey = await startTestApp();
  await latchkey.run('apis.create', { identifier: api, scopes: [{ name: 'read' }], token_format: 'opaque' });
  client = await latchkey.client({ first_party: true, apis: { [api]: ['*'] } });
  server = await latchkey.run('clients.create', { name: 'API', type: 'machine', apis: { [api]: ['*'] } });
});
afterAll(() => latchkey.close());

type Listed = { id: string; ip: string; user_agent: string; client_ids: string[]; signed_in_at: string };
const list = async (user: Pick<TestUser, 'id'>) =>
  (await latchkey.run<{ sessions: Listed[] }>('users.sessions.list', { user_id: user.id })).sessions;
async function isSignedIn(visitor: Visitor): Promise<boolean> {
  const { challenge } = pkce();
  const page = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: challenge, prompt: 'none' }));
  return new URL(page.location ?? '').searchParams.has('code');
}
const isActive = async (token: string, who = client) =>
  (await post(`${latchkey.base}/oidc/introspect`, who, { token })).body['active'];
const userinfo = async (token: string) =>
  (await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${token}` } })).status;
const refresh = (token: string, who = client): Promise<TokenAnswer> =>
  post(`${latchkey.base}/oidc/token`, who, { grant_type: 'refresh_token', refresh_token: token });

describe('sessions of a user', () => {
  test('are listed with place, time, browser and apps, for their own user only', async () => {
    const [user, other] = [await latchkey.user(), await latchkey.user()];
    const [desk, phone] = [new Visitor({ 'user-agent': 'Desk/1.0' }), new Visitor({ 'user-agent': 'Phone/1.0' })];
    await tokensFor(latchkey.base, client, user, {}, desk);
    await tokensFor(latchkey.base, client, user, {}, phone);
    const found = await list(user);
    expect(found.map(({ user_agent: agent }) => agent).sort()).toEqual(['Desk/1.0', 'Phone/1.0']);
    expect(found[0]).toMatchObject({ ip: '127.0.0.1', client_ids: [client.client_id] });
    expect(Math.abs(Date.parse(found[0]?.signed_in_at ?? '') - Date.now())).toBeLessThan(30_000);
    expect(await list(other)).toEqual([]);
  });

  test('end one by one: that browser is signed out, the other is not', async () => {
    const user = await latchkey.user();
    const [desk, phone] = [new Visitor({ 'user-agent': 'Desk/1.0' }), new Visitor({ 'user-agent': 'Phone/1.0' })];
    const { access_token: token } = await tokensFor(latchkey.base, client, user, {}, desk);
    await tokensFor(latchkey.base, client, user, {}, phone);
    const [mine] = (await list(user)).filter(({ user_agent: agent }) => agent === 'Desk/1.0');
    await latchkey.run('users.sessions.delete', { user_id: user.id, session_id: mine?.id });
    expect([await isSignedIn(desk), await isSignedIn(phone)]).toEqual([false, true]);
    expect([await userinfo(token), await isActive(token)]).toEqual([401, false]);
    expect(await list(user)).toHaveLength(1);
  });

  test('end with their tokens, except offline access (OpenID Connect Core §11)', async () => {
    const user = await latchkey.user();
    const { refresh_token: token } = await tokensFor(latchkey.base, client, user, offline);
    await latchkey.run('users.sessions.delete', { user_id: user.id, session_id: (await list(user))[0]?.id });
    expect((await refresh(token)).status).toBe(200);
  });

  test('end all at once, with every token', async () => {
    const user = await latchkey.user();
    const visitor = new Visitor();
    const tokens = await tokensFor(latchkey.base, client, user, offline, visitor);
    expect(await latchkey.run('users.sessions.end_all', { user_id: user.id })).toEqual({ ended: 1 });
    expect(await isSignedIn(visitor)).toBe(false);
    expect((await refresh(tokens.refresh_token)).body.error).toBe('invalid_grant');
    expect([await userinfo(tokens.access_token), await isActive(tokens.access_token)]).toEqual([401, false]);
  });

  test('cannot be restored by a request that holds the session while it ends', async () => {
    const user = await latchkey.user();
    const visitor = new Visitor();
    await tokensFor(latchkey.base, client, user, {}, visitor);
    const requests = Array.from({ length: 8 }, () => isSignedIn(visitor));
    await latchkey.run('users.sessions.end_all', { user_id: user.id });
    await Promise.all(requests);
    expect(await isSignedIn(visitor)).toBe(false);
    expect(await list(user)).toEqual([]);
  });

  test('end with an audit event', async () => {
    const user = await latchkey.user();
    await tokensFor(latchkey.base, client, user);
    const [session] = await list(user);
    await latchkey.run('users.sessions.delete', { user_id: user.id, session_id: session?.id });
    const rows = await latchkey.app.database.sql(
      `select actor_type, subject_id, session_id from audit_record where type = 'session.ended' and subject_id = $1`,
      [user.id],
    );
    expect(rows).toEqual([{ actor_type: 'operator', subject_id: user.id, session_id: session?.id }]);
  });

  test.each<[string, (user: TestUser, foreign: string) => object, string]>([
    ['a session of another user', (user, foreign) => ({ user_id: user.id, session_id: foreign }), 'sessions.not_found'],
    ['a session that does not exist', (user) => ({ user_id: user.id, session_id: 'x' }), 'sessions.not_found'],
    ['no session', (user) => ({ user_id: user.id }), 'input.invalid'],
    ['a session of an id that is none', () => ({ user_id: 'alice', session_id: 'x' }), 'input.invalid'],
    ['a session of no user', () => ({ user_id: newId('usr'), session_id: 'x' }), 'users.not_found'],
  ])('%s cannot be ended', async (_what, input, code) => {
    const [user, other] = [await latchkey.user(), await latchkey.user()];
    const visitor = new Visitor();
    await tokensFor(latchkey.base, client, other, {}, visitor);
    const [foreign] = await list(other);
    await expect(latchkey.run('users.sessions.delete', input(user, foreign?.id ?? ''))).rejects.toThrow(code);
    expect(await isSignedIn(visitor)).toBe(true);
  });
});

describe('within five seconds the server stops accepting', () => {
  test('everything of a disabled user, at every endpoint', async () => {
    const user = await latchkey.user();
    const visitor = new Visitor();
    const tokens = await tokensFor(latchkey.base, client, user, offline, visitor);
    const forApi = await tokensFor(latchkey.base, client, user, {
      ...offline,
      scope: 'openid read offline_access',
      resource: api,
    });
    const { verifier, challenge } = pkce();
    const pending = await visitor.signIn(authorizeUrl(latchkey.base, client, { code_challenge: challenge }), user);
    const apiToken = (
      await post(`${latchkey.base}/oidc/token`, client, {
        grant_type: 'refresh_token',
        refresh_token: forApi.refresh_token,
        resource: api,
      })
    ).body.access_token;
    expect(await isActive(apiToken, server)).toBe(true);

    await latchkey.run('users.disable', { user_id: user.id });
    expect(await userinfo(tokens.access_token)).toBe(401);
    expect([await isActive(tokens.access_token), await isActive(tokens.refresh_token)]).toEqual([false, false]);
    expect(await isActive(apiToken, server)).toBe(false);
    expect((await refresh(tokens.refresh_token)).body.error).toBe('invalid_grant');
    const exchange = {
      grant_type: 'authorization_code',
      code: pending.get('code') ?? '',
      redirect_uri: client.redirect_uris[0] ?? '',
      code_verifier: verifier,
    };
    expect((await post(`${latchkey.base}/oidc/token`, client, exchange)).body.error).toBe('invalid_grant');
    expect(await isSignedIn(visitor)).toBe(false);
    expect(await list(user)).toEqual([]);
    await expect(tokensFor(latchkey.base, client, user)).rejects.toThrow('refused');

    await latchkey.run('users.enable', { user_id: user.id });
    expect(await userinfo(tokens.access_token)).toBe(401);
    expect(await isSignedIn(visitor)).toBe(false);
    expect((await tokensFor(latchkey.base, client, user)).access_token).toBeTypeOf('string');
  });

  test.each(['clients.disable', 'clients.delete'])('everything of a client after %s', async (command) => {
    const user = await latchkey.user();
    const gone = await latchkey.client({ first_party: true, apis: { [api]: ['*'] } });
    const visitor = new Visitor();
    const tokens = await tokensFor(latchkey.base, gone, user, offline, visitor);
    const forApi = await tokensFor(latchkey.base, gone, user, {
      ...offline,
      scope: 'openid read offline_access',
      resource: api,
    });
    const apiToken = (
      await post(`${latchkey.base}/oidc/token`, gone, {
        grant_type: 'refresh_token',
        refresh_token: forApi.refresh_token,
        resource: api,
      })
    ).body.access_token;
    expect(await isActive(apiToken, server)).toBe(true);

    await latchkey.run(command, { client_id: gone.client_id });
    expect(await userinfo(tokens.access_token)).toBe(401);
    expect((await refresh(tokens.refresh_token, gone)).body.error).toBe('invalid_client');
    const asked = await post(`${latchkey.base}/oidc/introspect`, server, { token: apiToken });
    expect([asked.status, asked.body]).toEqual([200, { active: false }]);
    const page = await visitor.open(authorizeUrl(latchkey.base, gone, { code_challenge: pkce().challenge }));
    expect([page.status, page.location]).toEqual([400, null]);
    expect(await isSignedIn(visitor)).toBe(true);
  });

  test('the tokens of a revoked consent; another client keeps its own', async () => {
    const user = await latchkey.user();
    const [asking, other] = [await latchkey.client(), await latchkey.client()];
    const visitor = new Visitor();
    const tokens = await tokensFor(latchkey.base, asking, user, offline, visitor);
    const kept = await tokensFor(latchkey.base, other, user, offline, visitor);
    const { consents } = await latchkey.run<{ consents: { client_id: string; scope: string }[] }>(
      'users.consents.list',
      {
        user_id: user.id,
      },
    );
    expect(consents.map(({ client_id: id }) => id).sort()).toEqual([asking.client_id, other.client_id].sort());

    await latchkey.run('users.consents.delete', { user_id: user.id, client_id: asking.client_id });
    expect((await refresh(tokens.refresh_token, asking)).body.error).toBe('invalid_grant');
    expect([await userinfo(tokens.access_token), await isActive(tokens.access_token, asking)]).toEqual([401, false]);
    expect((await refresh(kept.refresh_token, other)).status).toBe(200);
    const silent = await visitor.open(
      authorizeUrl(latchkey.base, asking, { code_challenge: pkce().challenge, prompt: 'none' }),
    );
    expect(new URL(silent.location ?? '').searchParams.get('error')).toBe('consent_required');
    await expect(
      latchkey.run('users.consents.delete', { user_id: user.id, client_id: asking.client_id }),
    ).rejects.toThrow('consent.not_found');
    await expect(latchkey.run('users.consents.delete', { user_id: user.id })).rejects.toThrow('input.invalid');
  });

  test('an ID token has the id of its session, and two browsers have two (Back-Channel Logout §2.1)', async () => {
    const user = await latchkey.user();
    const naming = await latchkey.client({
      first_party: true,
      backchannel_logout_uri: 'https://shop.example/bye',
      backchannel_logout_session_required: true,
    });
    const ids = [await tokensFor(latchkey.base, naming, user), await tokensFor(latchkey.base, naming, user)].map(
      ({ id_token: token }) => decodeJwt(token)['sid'],
    );
    expect(new Set(ids).size).toBe(2);
    expect(ids.every((id) => typeof id === 'string')).toBe(true);
  });
});
