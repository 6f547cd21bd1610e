/** A token that was issued a moment ago, and is found without being read: what ends it counts at the very next request. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, pkce, post, type TokenAnswer, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;

beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true });
});
afterAll(() => latchkey.close());

type Held = { user: TestUser; visitor: Visitor; exchange(): Promise<TokenAnswer>; token: string };

async function signedIn(): Promise<Held> {
  const [visitor, user] = [new Visitor(), await latchkey.user()];
  const { verifier, challenge } = pkce();
  const back = await visitor.signIn(authorizeUrl(latchkey.base, client, { code_challenge: challenge }), user);
  const exchange = () =>
    post(`${latchkey.base}/oidc/token`, client, {
      grant_type: 'authorization_code',
      code: back.get('code') ?? '',
      redirect_uri: client.redirect_uris[0] ?? '',
      code_verifier: verifier,
    });
  return { user, visitor, exchange, token: (await exchange()).body.access_token };
}

async function userinfo(token: string): Promise<number> {
  return (await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${token}` } })).status;
}

async function signOut({ visitor }: Held): Promise<void> {
  const page = await visitor.open(`${latchkey.base}/oidc/logout`);
  await visitor.submit(page, {}, 'logout');
}

test.each<[string, (held: Held) => Promise<unknown>]>([
  ['its client revoked it', ({ token }) => post(`${latchkey.base}/oidc/revoke`, client, { token })],
  ['its code was used twice', ({ exchange }) => exchange()],
  ['its user signed out', signOut],
  ['its user was disabled', ({ user }) => latchkey.run('users.disable', { user_id: user.id })],
])('is worth nothing once %s', async (_when, end) => {
  const held = await signedIn();
  await end(held);
  expect(await userinfo(held.token)).toBe(401);
});

test('works until then', async () => {
  const { token } = await signedIn();
  expect(await userinfo(token)).toBe(200);
});
