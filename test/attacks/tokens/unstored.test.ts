/** When the database refuses to store an artifact, no response contains it: no code, no token, no session. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, pkce, post, type TokenAnswer, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
let visitor: Visitor;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true, grant_types: ['authorization_code', 'refresh_token'] });
  [user, visitor] = [await latchkey.user(), new Visitor()];
  await visitor.signIn(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }), user);
});
afterEach(() => sql('drop trigger if exists refusing on oidc_artifact'));
afterAll(() => latchkey.close());

const sql = (text: string) => latchkey.app.database.sql(text);

/** From here on the database refuses these rows. */
async function refuse(condition: string, when = 'insert or update'): Promise<void> {
  await sql(`create or replace function refusing_fn() returns trigger as $$ begin
    if ${condition} then raise exception 'no room' using errcode = '53100'; end if; return new; end; $$ language plpgsql`);
  await sql(`create trigger refusing before ${when} on oidc_artifact for each row execute function refusing_fn()`);
}

async function offlineCode(): Promise<{ code: string; verifier: string }> {
  const { verifier, challenge } = pkce();
  const extra = { scope: 'openid offline_access', prompt: 'consent', code_challenge: challenge };
  const answer = await visitor.signIn(authorizeUrl(latchkey.base, client, extra), user);
  return { code: answer.get('code') ?? '', verifier };
}

const exchange = ({ code, verifier }: { code: string; verifier: string }): Promise<TokenAnswer> =>
  post(`${latchkey.base}/oidc/token`, client, {
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: client.redirect_uris[0] ?? '',
  });
const refresh = (token: string): Promise<TokenAnswer> =>
  post(`${latchkey.base}/oidc/token`, client, { grant_type: 'refresh_token', refresh_token: token });

describe('an authorization request', () => {
  test.each(['AuthorizationCode', 'Grant', 'Session'])('that cannot store the %s gives no code', async (kind) => {
    await refuse(`new.kind = '${kind}'`);
    const again = authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, prompt: 'none' });
    const browser = new Visitor();
    const page = await browser.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
    const signed = await browser.submit(await browser.submit(page, { email: user.email }), { password: user.password });
    expect([signed.status, signed.location]).toEqual([503, null]);
    if (kind === 'AuthorizationCode') {
      const answer = await visitor.request(again);
      expect(answer.location ?? '').not.toContain('code=');
    }
  });
});

describe('a token request', () => {
  const everyToken = ['access_token', 'refresh_token', 'id_token'];
  const tokensOf = ({ body }: TokenAnswer) => everyToken.filter((name) => name in body);

  test.each([
    ['the access token', "new.kind = 'AccessToken'"],
    ['the refresh token', "new.kind = 'RefreshToken'"],
    ['the use of the code', "new.kind = 'AuthorizationCode' and new.consumed_at is not null"],
  ])('that cannot store %s gives no token, and the code gives tokens once at most', async (_what, condition) => {
    const code = await offlineCode();
    await refuse(condition);
    const answer = await exchange(code);
    expect([answer.status >= 500, tokensOf(answer)]).toEqual([true, []]);
    await sql('drop trigger refusing on oidc_artifact');
    const later = [await exchange(code), await exchange(code)];
    expect(later.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
  });

  test.each([
    ['the access token', "new.kind = 'AccessToken'"],
    ['the next refresh token', "new.kind = 'RefreshToken' and new.consumed_at is null"],
    ['the use of the one before', "new.kind = 'RefreshToken' and new.consumed_at is not null"],
  ])('with a refresh token that cannot store %s consumes nothing', async (_what, condition) => {
    const { body } = await exchange(await offlineCode());
    await refuse(condition);
    const answer = await refresh(body.refresh_token);
    expect([answer.status >= 500, tokensOf(answer)]).toEqual([true, []]);
    await sql('drop trigger refusing on oidc_artifact');
    expect((await refresh(body.refresh_token)).status).toBe(200);
  });
});
