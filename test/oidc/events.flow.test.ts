import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, pkce, post, tokensFor, Visitor } from '../support/visitor.ts';

const offline = { scope: 'openid offline_access', prompt: 'consent' };

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true });
  user = await latchkey.user();
});
afterAll(() => latchkey.close());

const recorded = (type: string) =>
  latchkey.app.database.sql(
    'select actor_type, actor_id, subject_id, client_id, outcome, ip from audit_event where type = $1 and (subject_id = $2 or client_id = $3) order by sequence',
    [type, user.id, client.client_id],
  );
const refresh = (token: string) =>
  post(`${latchkey.base}/oidc/token`, client, { grant_type: 'refresh_token', refresh_token: token });
const byClient = (outcome: string) => ({
  actor_type: 'client',
  actor_id: client.client_id,
  subject_id: user.id,
  client_id: client.client_id,
  outcome,
  ip: '127.0.0.1',
});

describe('the audit log contains', () => {
  test('the reuse of a refresh token, once', async () => {
    const before = (await recorded('token.reused')).length;
    const { refresh_token: token } = await tokensFor(latchkey.base, client, user, offline);
    await refresh(token);
    expect(await recorded('token.reused')).toHaveLength(before);
    for (let i = 0; i < 3; i += 1) await refresh(token);
    const after = await recorded('token.reused');
    expect(after).toHaveLength(before + 1);
    expect(after.at(-1)).toEqual(byClient('failure'));
  });

  test('the reuse of a code', async () => {
    const before = (await recorded('token.reused')).length;
    const { verifier, challenge } = pkce();
    const code =
      (await new Visitor().signIn(authorizeUrl(latchkey.base, client, { code_challenge: challenge }), user)).get(
        'code',
      ) ?? '';
    const exchange = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: client.redirect_uris[0] ?? '',
      code_verifier: verifier,
    };
    for (let i = 0; i < 2; i += 1) await post(`${latchkey.base}/oidc/token`, client, exchange);
    expect((await recorded('token.reused')).length).toBe(before + 1);
  });

  test('the revocation of a refresh token by its client, but not by another client', async () => {
    const evil = await latchkey.client();
    const { refresh_token: token } = await tokensFor(latchkey.base, client, user, offline);
    await post(`${latchkey.base}/oidc/revoke`, evil, { token });
    expect(await recorded('token.revoked')).toEqual([]);
    await post(`${latchkey.base}/oidc/revoke`, client, { token });
    expect(await recorded('token.revoked')).toEqual([byClient('success')]);
  });

  test('a sign-out, but not a user who stays', async () => {
    const visitor = new Visitor();
    await tokensFor(latchkey.base, client, user, {}, visitor);
    await visitor.submit(await visitor.open(`${latchkey.base}/oidc/logout`), {}, 'stay');
    expect(await recorded('session.ended')).toEqual([]);
    await visitor.submit(await visitor.open(`${latchkey.base}/oidc/logout`), {}, 'logout');
    expect(await recorded('session.ended')).toMatchObject([
      { actor_type: 'user', actor_id: user.id, outcome: 'success' },
    ]);
  });
});

test('a valid chain', async () => {
  expect(await latchkey.run('audit.verify')).toMatchObject({ intact: true });
});
