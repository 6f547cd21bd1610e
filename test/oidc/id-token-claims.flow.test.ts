import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, pkce, post, tokensFor, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let user: TestUser;
const profile = { name: 'Noor Haddad', given_name: 'Noor', preferred_username: 'noor', zoneinfo: 'Europe/Paris' };
/** In every ID token. */
const always = ['acr', 'amr', 'at_hash', 'aud', 'auth_time', 'exp', 'iat', 'iss', 'nonce', 'sid', 'sub'];

beforeAll(async () => {
  latchkey = await startTestApp();
  user = await latchkey.user({ ...profile, email_verified: true });
});
afterAll(() => latchkey.close());

const clientWith = (metadata: object): Promise<TestClient> => latchkey.client({ first_party: true, ...metadata });
const told = (idToken: string): string[] => Object.keys(decodeJwt(idToken)).filter((claim) => !always.includes(claim));

async function userinfo(token: string): Promise<Record<string, unknown>> {
  const answer = await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${token}` } });
  return (await answer.json()) as Record<string, unknown>;
}

describe('id_token_claims', () => {
  test.each<[string[] | null, string, string[]]>([
    [null, 'openid profile email', []],
    [[], 'openid profile email', []],
    [['email', 'name'], 'openid profile email', ['email', 'name']],
    [['email', 'name'], 'openid profile', ['name']],
    [['email', 'phone_number', 'shoe_size', 'toString', '__proto__'], 'openid email phone', ['email']],
    [['nonce', 'iss', 'sub', 'aud', 'sid', 'password'], 'openid email', []],
    [['*'], 'openid', []],
    [['*'], 'openid email', ['email', 'email_verified']],
    [['*'], 'openid email profile', ['email', 'email_verified', ...Object.keys(profile), 'updated_at']],
  ])('%j: the ID token for %s holds the claims that the client wants: %j', async (wanted, scope, expected) => {
    const client = await clientWith(wanted === null ? {} : { id_token_claims: wanted });
    const tokens = await tokensFor(latchkey.base, client, user, { scope });
    expect(told(tokens.id_token).toSorted()).toEqual(expected.toSorted());
    const whole = await userinfo(tokens.access_token);
    expect(decodeJwt(tokens.id_token)).toMatchObject(
      Object.fromEntries(expected.map((claim) => [claim, whole[claim]])),
    );
    if (scope.includes('email')) expect(whole).toMatchObject({ email: user.email, email_verified: true });
  });

  test('adds to the claims parameter, and takes nothing from it (OpenID Connect Core §5.5)', async () => {
    const client = await clientWith({ id_token_claims: ['name'] });
    const claims = JSON.stringify({ id_token: { zoneinfo: null }, userinfo: { email: null } });
    const { id_token, access_token } = await tokensFor(latchkey.base, client, user, {
      scope: 'openid profile',
      claims,
    });
    expect(told(id_token).toSorted()).toEqual(['name', 'zoneinfo']);
    expect(await userinfo(access_token)).toMatchObject({ email: user.email, name: 'Noor Haddad' });
  });

  test('holds in a refresh response, for the scope that is asked there, and follows a change at once', async () => {
    const client = await clientWith({ id_token_claims: ['email', 'name'] });
    const scope = 'openid profile email offline_access';
    const first = await tokensFor(latchkey.base, client, user, { scope, prompt: 'consent' });
    const refresh = async (token: string, more: Record<string, string> = {}) => {
      const { body } = await post(`${latchkey.base}/oidc/token`, client, {
        grant_type: 'refresh_token',
        refresh_token: token,
        ...more,
      });
      return body as { id_token: string; refresh_token: string };
    };
    const second = await refresh(first.refresh_token ?? '', { scope: 'openid email' });
    expect(told(second.id_token)).toEqual(['email']);
    await latchkey.run('clients.update', { client_id: client.client_id, id_token_claims: ['zoneinfo'] });
    const third = await refresh(second.refresh_token);
    expect(told(third.id_token)).toEqual(['zoneinfo']);
    await latchkey.run('clients.update', { client_id: client.client_id, id_token_claims: null });
    expect(told((await refresh(third.refresh_token)).id_token)).toEqual([]);
  });

  test('an ID token that comes alone has the claims of its scopes, as without the member (§5.4)', async () => {
    await latchkey.run('settings.update', { name: 'oidc.responseTypes', value: 'all' });
    const client = await clientWith({
      response_types: ['id_token'],
      grant_types: ['implicit'],
      redirect_uris: ['https://rp.example/cb'],
      id_token_claims: ['name'],
    });
    const visitor = new Visitor();
    await visitor.signIn(authorizeUrl(latchkey.base, await clientWith({}), { code_challenge: pkce().challenge }), user);
    const page = await visitor.request(
      authorizeUrl(latchkey.base, client, {
        response_type: 'id_token',
        scope: 'openid email',
        code_challenge_method: undefined,
      }),
    );
    const back = new URLSearchParams(new URL(page.location ?? 'x:').hash.slice(1));
    expect(decodeJwt(back.get('id_token') ?? '')).toMatchObject({ email: user.email });
  });

  test.each([[['two words']], [['']], [['a*']], ['email'], [[1]], [Array.from({ length: 101 }, (_, n) => `c${n}`)]])(
    'the list %# is refused',
    async (wanted) => {
      await expect(clientWith({ id_token_claims: wanted })).rejects.toThrow('id_token_claims');
    },
  );
});
