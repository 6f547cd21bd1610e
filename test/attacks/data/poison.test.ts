/** One bad row fails by itself: what it belongs to says so without a word about us, and everything else goes on. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, pkce, post, tokensFor, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let good: TestClient;
let user: TestUser;

beforeAll(async () => {
  latchkey = await startTestApp();
  good = await latchkey.client({ name: 'Good' });
  user = await latchkey.user();
});
afterAll(() => latchkey.close());

const tellTale = /\n\s+at \S+ \(|node_modules|TypeError|ZodError|relation "|JSON at position|undefined/;

async function expectTheRestToGoOn(): Promise<void> {
  expect((await tokensFor(latchkey.base, good, user, { prompt: 'login' })).access_token).toMatch(/^lk_at_/);
  expect((await fetch(`${latchkey.base}/.well-known/openid-configuration`)).status).toBe(200);
}

test.each([
  `metadata = 'null'`,
  `metadata = '[]'`,
  `metadata = '"x"'`,
  `metadata = '{"redirect_uris":"x","grant_types":null,"response_types":5}'`,
  `metadata = jsonb_set(metadata, '{jwks}', '{"keys":[{"kty":"x"}]}')`,
  `metadata = jsonb_set(metadata, '{token_endpoint_auth_method}', '"teapot"')`,
  `metadata = jsonb_set(metadata, '{id_token_signed_response_alg}', '"none"')`,
  `type = 'unheard-of'`,
  `profile = 'unheard-of'`,
  `name = ''`,
  `apis = '[1]'`,
])('a stored client with %s', async (change) => {
  const bad = await latchkey.client({ name: 'Bad' });
  await latchkey.app.database.sql(`update client set ${change} where client_id = $1`, [bad.client_id]);
  const page = await new Visitor().open(authorizeUrl(latchkey.base, bad, { code_challenge: pkce().challenge }));
  expect(page.text).not.toMatch(tellTale);
  const answer = await post(`${latchkey.base}/oidc/token`, bad, { grant_type: 'client_credentials' });
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(JSON.stringify(answer.body)).not.toMatch(tellTale);
  const { clients } = await latchkey.run<{ clients: { client_id: string }[] }>('clients.list');
  expect(clients.map(({ client_id }) => client_id)).toEqual(expect.arrayContaining([good.client_id, bad.client_id]));
  await expectTheRestToGoOn();
  await latchkey.run('clients.delete', { client_id: bad.client_id });
});

test.each([
  `update consent set scopes = '5', claims = '{}', resource_scopes = '[]' where user_id = $1`,
  `update users set profile = 'null' where id = $1`,
  `update users set profile = '{"name":5,"address":"x"}' where id = $1`,
  `update oidc_artifact set payload = 'null' where kind = 'Session' and account_id = $2`,
  `update oidc_artifact set payload = '{}' where kind = 'Grant' and account_id = $2`,
  `update oidc_artifact set payload = 'null' where kind = 'RefreshToken' and account_id = $2`,
  `update oidc_artifact set payload = '[]' where kind = 'AccessToken' and account_id = $2`,
])('a stored value of one user: %s', async (statement) => {
  const unlucky = await latchkey.user({ name: 'Unlucky' });
  const visitor = new Visitor();
  const asked = { scope: 'openid profile offline_access', prompt: 'consent' };
  const tokens = await tokensFor(latchkey.base, good, unlucky, asked, visitor);
  const [row] = await latchkey.app.database.sql<{ id: string }>('select id from users where email = $1', [
    unlucky.email,
  ]);
  const [byId, byAccount] = [statement.includes('$1'), statement.includes('$2')];
  const text = statement.replace('$2', '$1');
  await latchkey.app.database.sql(text, [byId ? row?.id : byAccount ? unlucky.id : null]);

  const answers = [
    (await visitor.open(authorizeUrl(latchkey.base, good, { code_challenge: pkce().challenge }))).text,
    (await visitor.open(`${latchkey.base}/oidc/logout`)).text,
    await (
      await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${tokens.access_token}` } })
    ).text(),
    JSON.stringify(
      (
        await post(`${latchkey.base}/oidc/token`, good, {
          grant_type: 'refresh_token',
          refresh_token: tokens.refresh_token,
        })
      ).body,
    ),
  ];
  for (const answer of answers) expect(answer).not.toMatch(tellTale);
  await expectTheRestToGoOn();
});
