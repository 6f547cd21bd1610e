import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, pkce, post, tokensFor, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;

beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client();
  user = await latchkey.user();
});
afterAll(() => latchkey.close());

describe('authorization code (OpenID Connect Core §3.1)', () => {
  test('a relying party signs a user in', async () => {
    const tokens = await tokensFor(latchkey.base, client, user, { scope: 'openid email' });
    const answer = await fetch(`${latchkey.base}/oidc/userinfo`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(await answer.json()).toEqual({ sub: user.id, email: user.email, email_verified: false });
  });

  test('a code that was used twice ends all its tokens (RFC 6749 §4.1.2)', async () => {
    const { verifier, challenge } = pkce();
    const back = await new Visitor().signIn(
      authorizeUrl(latchkey.base, client, {
        code_challenge: challenge,
        scope: 'openid offline_access',
        prompt: 'consent',
      }),
      user,
    );
    const exchange = {
      grant_type: 'authorization_code',
      code: back.get('code') ?? '',
      redirect_uri: client.redirect_uris[0] ?? '',
      code_verifier: verifier,
    };
    const first = await post(`${latchkey.base}/oidc/token`, client, exchange);
    expect(first.status).toBe(200);
    const second = await post(`${latchkey.base}/oidc/token`, client, exchange);
    expect(second.body.error).toBe('invalid_grant');
    const refreshed = await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: 'refresh_token',
      refresh_token: first.body.refresh_token,
    });
    expect(refreshed.body.error).toBe('invalid_grant');
  });

  test('a wrong password stays on its page with 422', async () => {
    const { challenge } = pkce();
    const attempt = new Visitor().signIn(authorizeUrl(latchkey.base, client, { code_challenge: challenge }), {
      ...user,
      password: 'wrong',
    });
    await expect(attempt).rejects.toThrow('refused');
  });
});
