/** Attempts to get by one client, profile or endpoint what another one allows. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import {
  assertionParameters,
  clientAssertion,
  createSigner,
  requestObject,
  type Signer,
} from '../../support/signer.ts';
import { authorizeUrl, type Page, pkce, post, Visitor } from '../../support/visitor.ts';

const redirectUri = 'https://bank.example/cb';
const hybrid = { response_types: ['code id_token', 'code'], grant_types: ['authorization_code', 'implicit'] };
let latchkey: TestApp;
let signer: Signer;
let bank: TestClient;
let shop: TestClient;
let strict: TestClient;
let user: TestUser;
const signedIn = new Visitor();
beforeAll(async () => {
  latchkey = await startTestApp({ env: { TRUSTED_PROXIES: '127.0.0.1', CLIENT_CERT_HEADER: 'x-ssl-client-cert' } });
  signer = await createSigner('PS256');
  const keyed = {
    first_party: true,
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: signer.jwks,
  };
  // All with one key: nothing but the client id tells them apart.
  bank = await latchkey.client({ ...keyed, ...hybrid, profile: 'fapi1_advanced' });
  shop = await latchkey.client({ ...keyed, ...hybrid });
  strict = await latchkey.client({ ...keyed, profile: 'fapi2_security' });
  user = await latchkey.user();
  const plain = await latchkey.client({ first_party: true });
  await signedIn.signIn(authorizeUrl(latchkey.base, plain, { code_challenge: pkce().challenge }), user);
});
afterAll(() => latchkey.close());

const anonymous = (client: TestClient) => ({ client_id: client.client_id, client_secret: '' });
const asked = { response_type: 'code id_token', redirect_uri: redirectUri, scope: 'openid', nonce: 'no', state: 'st' };
const request = (client: TestClient, more: Record<string, unknown> = {}) =>
  requestObject(signer, client.client_id, latchkey.base, { ...asked, ...more });
const open = (parameters: Record<string, string>): Promise<Page> =>
  signedIn.request(`${latchkey.base}/oidc/auth?${new URLSearchParams(parameters).toString()}`);
const gained = (page: Page): boolean => /[?&#](code|id_token|access_token|response)=/.test(page.location ?? '');
const code = async (): Promise<string> => {
  const page = await open({ client_id: bank.client_id, ...asked, request: await request(bank) });
  return new URLSearchParams(new URL(page.location ?? 'x:').hash.slice(1)).get('code') ?? '';
};

describe('the response type of a profile', () => {
  test('is not for another client, by value or pushed, signed or not, or under the id of the first', async () => {
    const { challenge } = pkce();
    const bound = { code_challenge: challenge, code_challenge_method: 'S256' };
    for (const parameters of [
      { client_id: shop.client_id, ...asked, ...bound },
      { client_id: shop.client_id, ...asked, request: await request(shop, bound) },
      { client_id: shop.client_id, ...asked, request: await request(bank, bound) },
      { client_id: bank.client_id, ...asked, request: await request(shop, bound) },
    ])
      expect(gained(await open(parameters))).toBe(false);
    const pushed = await post(`${latchkey.base}/oidc/par`, anonymous(shop), {
      ...asked,
      ...bound,
      ...(await assertionParameters(signer, shop.client_id, latchkey.base)),
    });
    expect([pushed.status, pushed.body['request_uri']]).toEqual([400, undefined]);
  });

  test('ends with the profile, and a request in progress with it', async () => {
    const { client_id } = bank;
    const page = await open({ client_id, ...asked, request: await request(bank, { prompt: 'login' }) });
    await latchkey.run('clients.update', { client_id, profile: 'default' });
    expect(gained(await open({ client_id, ...asked, request: await request(bank) }))).toBe(false);
    const after = await signedIn.signIn(new URL(page.location ?? '', latchkey.base).href, user).catch(() => null);
    expect(after?.get('id_token') ?? null).toBeNull();
    await latchkey.run('clients.update', { client_id, profile: 'fapi1_advanced' });
    expect(await code()).toMatch(/^lk_ac_/);
  });
});

describe('an assertion', () => {
  const machine = { grant_type: 'authorization_code', code: 'lk_ac_none', redirect_uri: redirectUri };
  const send = (client: TestClient, assertion: string, path = '/oidc/token') =>
    post(latchkey.base + path, anonymous(client), {
      ...machine,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    });

  test('of one client does not authenticate another one with the same key', async () => {
    const assertion = await clientAssertion(signer, shop.client_id, latchkey.base);
    expect((await send(bank, assertion)).body.error).toBe('invalid_request');
    const renamed = await clientAssertion(signer, shop.client_id, latchkey.base, { sub: bank.client_id });
    expect((await send(bank, renamed)).body.error).toBe('invalid_client');
  });

  test('that a lenient client may send is refused to a strict one, and used up by neither', async () => {
    const claims = { aud: `${latchkey.base}/oidc/token`, jti: 'the-same' };
    const refused = await send(strict, await clientAssertion(signer, strict.client_id, latchkey.base, claims));
    expect(refused.body.error).toBe('invalid_client');
    const right = await clientAssertion(signer, strict.client_id, latchkey.base, { jti: 'the-same' });
    expect((await send(strict, right)).body.error).toBe('invalid_grant');
    const other = await clientAssertion(signer, shop.client_id, latchkey.base, claims);
    expect((await send(shop, other)).body.error).toBe('invalid_grant');
    expect((await send(shop, other, '/oidc/revoke')).body.error).toBe('invalid_client');
  });

  test('is no request object, and a request object no assertion', async () => {
    const assertion = await clientAssertion(signer, bank.client_id, latchkey.base, {
      ...asked,
      client_id: bank.client_id,
    });
    expect(gained(await open({ client_id: bank.client_id, ...asked, request: assertion }))).toBe(false);
    const object = await request(bank, { sub: bank.client_id });
    expect((await send(bank, object)).body.error).toBe('invalid_client');
  });
});

test('a code of a certificate-bound client is worth nothing without the certificate, or for another client', async () => {
  const redeem = async (client: TestClient, value: string) =>
    post(`${latchkey.base}/oidc/token`, anonymous(client), {
      grant_type: 'authorization_code',
      code: value,
      redirect_uri: redirectUri,
      ...(await assertionParameters(signer, client.client_id, latchkey.base)),
    });
  const value = await code();
  for (const client of [shop, strict, bank]) {
    const { body } = await redeem(client, value);
    expect([body.error !== undefined, body.access_token]).toEqual([true, undefined]);
  }
});
