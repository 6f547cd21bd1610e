import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, tokensFor, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let own: TestClient;
let third: TestClient;
let user: TestUser;
let signedIn: Visitor;

const api = 'https://api.example';
const closed = 'https://closed.example';
type Asked = Record<string, string | undefined>;

beforeAll(async () => {
  latchkey = await startTestApp();
  await latchkey.run('apis.create', {
    identifier: api,
    name: 'Invoices',
    scopes: [
      { name: 'read', description: 'See your invoices' },
      { name: 'write', description: 'Change your invoices' },
    ],
  });
  await latchkey.run('apis.create', { identifier: closed, scopes: [{ name: 'admin' }] });
  own = await latchkey.client({ first_party: true, apis: { [api]: ['*'] } });
  third = await latchkey.client({ apis: { [api]: ['read'] } });
  user = await latchkey.user({ name: 'Noor' });
  signedIn = new Visitor();
  await signedIn.signIn(url(own), user);
});
afterAll(() => latchkey.close());

const url = (client: TestClient, asked: Asked = {}): string =>
  authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...asked });
const answer = (page: Page): Record<string, string> => Object.fromEntries(new URL(page.location ?? 'x:').searchParams);
const isConsent = (page: Page): boolean => page.text.includes('value="allow"');

describe('parameters of a request (OpenID Connect Core §3.1.2.1, RFC 6749 §3.1)', () => {
  test.each<[string, Asked]>([
    ['a parameter that nobody knows', { foo: 'bar', 'a[b]': 'c', constructor: 'x', __proto__x: 'y' }],
    ['scopes in another order', { scope: 'email openid' }],
    ['a scope twice', { scope: 'openid email email' }],
    [
      'empty parameters, as if they were not there',
      {
        prompt: '',
        claims: '',
        login_hint: '',
        ui_locales: '',
        acr_values: '',
        display: '',
        max_age: '',
        id_token_hint: '',
        resource: '',
      },
    ],
    ['a nonce of 64 characters', { nonce: 'n'.repeat(64) }],
    ['a value that is JSON', { login_hint: '{"a":[1]}' }],
  ])('%s is accepted', async (_what, asked) => {
    expect(answer(await signedIn.request(url(own, asked)))['code']).toMatch(/^lk_ac_/);
  });

  test.each<[string, Asked, string]>([
    ['a scope with a quote', { scope: 'openid "admin"' }, 'invalid_scope'],
    ['a scope with a line end', { scope: 'openid\r\nemail' }, 'invalid_scope'],
    ['no response_type (OIDCCResponseTypeMissing)', { response_type: undefined }, 'invalid_request'],
    ['registration of a client by parameter', { registration: '{}' }, 'registration_not_supported'],
  ])('%s is refused', async (_what, asked, error) => {
    expect(answer(await signedIn.request(url(own, asked)))).toMatchObject({ error, state: 'st', iss: latchkey.base });
  });

  test.each([{ scope: 'email' }, { scope: undefined }])(
    '%j is OAuth without OpenID Connect: no ID token, and no parameter of OpenID Connect',
    async (asked) => {
      expect(answer(await signedIn.request(url(own, asked)))['error']).toBe('invalid_request');
      const page = await signedIn.request(url(own, { ...asked, nonce: undefined }));
      expect(answer(page)['id_token']).toBeUndefined();
    },
  );

  test('a client receives only its own scopes', async () => {
    const narrow = await latchkey.client({ first_party: true, scope: 'openid email' });
    expect(answer(await signedIn.request(url(narrow, { scope: 'openid email' })))['code']).toMatch(/^lk_ac_/);
    expect(answer(await signedIn.request(url(narrow, { scope: 'openid phone' })))['error']).toBe('invalid_scope');
  });
});

describe('the API of a token (RFC 8707 §2)', () => {
  test('is named in the request, and becomes the audience', async () => {
    const { verifier, challenge } = pkce();
    const back = answer(
      await signedIn.request(url(own, { code_challenge: challenge, scope: 'openid read', resource: api })),
    );
    const tokens = await post(`${latchkey.base}/oidc/token`, own, {
      grant_type: 'authorization_code',
      code: back['code'] ?? '',
      redirect_uri: own.redirect_uris[0] ?? '',
      code_verifier: verifier,
      resource: api,
    });
    expect(decodeJwt(tokens.body.access_token)).toMatchObject({
      aud: api,
      scope: 'read',
      sub: user.id,
      client_id: own.client_id,
    });
  });

  test.each([
    ['one that nobody registered', 'https://unknown.example'],
    ['one that is closed to the client', closed],
    ['one with a fragment', `${api}/#x`],
    ['one that is no address', 'invoices'],
    ['one in another spelling', 'https://API.example'],
    ['one with a slash more', `${api}/`],
    ['our own', 'ISSUER'],
  ])('%s is invalid_target', async (_what, resource) => {
    const page = await signedIn.request(
      url(own, { scope: 'openid read', resource: resource.replace('ISSUER', latchkey.base) }),
    );
    expect(answer(page)).toMatchObject({ error: 'invalid_target', state: 'st', iss: latchkey.base });
  });

  test('one valid name among others does not help (§2)', async () => {
    const page = await signedIn.request(
      `${url(own, { scope: 'openid read', resource: api })}&resource=${encodeURIComponent(closed)}`,
    );
    expect(answer(page)['error']).toBe('invalid_target');
  });

  test('a scope of the API that the client may not have is not granted', async () => {
    const { verifier, challenge } = pkce();
    const visitor = new Visitor();
    const back = await visitor.signIn(
      url(third, { code_challenge: challenge, scope: 'openid read write', resource: api }),
      user,
    );
    const tokens = await post(`${latchkey.base}/oidc/token`, third, {
      grant_type: 'authorization_code',
      code: back.get('code') ?? '',
      redirect_uri: third.redirect_uris[0] ?? '',
      code_verifier: verifier,
      resource: api,
    });
    expect(decodeJwt(tokens.body.access_token)['scope']).toBe('read');
  });
});

describe('consent (OpenID Connect Core §3.1.2.4)', () => {
  let fresh: TestUser;
  let visitor: Visitor;
  let app: TestClient;

  beforeAll(async () => {
    fresh = await latchkey.user();
    app = await latchkey.client({ apis: { [api]: ['*'] } });
    visitor = new Visitor();
    await visitor.signIn(url(own), fresh);
  });

  test('is requested the first time, and prompt=none does not bypass it', async () => {
    expect(answer(await visitor.request(url(app, { prompt: 'none' })))['error']).toBe('consent_required');
    expect(isConsent(await visitor.open(url(app)))).toBe(true);
  });

  test('a denial is reported, and nothing is stored', async () => {
    const page = await visitor.open(url(app));
    expect(answer(await visitor.submit(page, {}, 'deny'))).toMatchObject({ error: 'access_denied', state: 'st' });
    expect(isConsent(await visitor.open(url(app)))).toBe(true);
  });

  test('fields that the page does not have add nothing', async () => {
    const page = await visitor.open(url(app, { scope: 'openid' }));
    const [form] = formsOf(page);
    await visitor.open(form?.action ?? '', {
      ...form?.fields,
      action: 'allow',
      scope: 'openid email phone',
      scopes: 'email',
    });
    expect(answer(await visitor.request(url(app, { prompt: 'none', scope: 'openid email' })))['error']).toBe(
      'consent_required',
    );
  });

  test('a consent holds from then on, in this session and in the next', async () => {
    await visitor.submit(await visitor.open(url(app, { scope: 'openid email' })), {}, 'allow');
    expect(answer(await visitor.request(url(app, { prompt: 'none', scope: 'openid email' })))['code']).toMatch(
      /^lk_ac_/,
    );
    const later = new Visitor();
    await later.signIn(url(own), fresh);
    expect(answer(await later.request(url(app, { prompt: 'none', scope: 'openid email' })))['code']).toMatch(/^lk_ac_/);
    expect(answer(await later.request(url(app, { prompt: 'none' })))['code']).toMatch(/^lk_ac_/);
  });

  test.each<[string, Asked]>([
    ['another scope', { scope: 'openid email profile' }],
    ['a scope of an API', { scope: 'openid read', resource: api }],
    ['a single claim', { scope: 'openid', claims: '{"userinfo":{"phone_number":null}}' }],
  ])('is requested again for more: %s', async (_what, asked) => {
    expect(answer(await visitor.request(url(app, { prompt: 'none', ...asked })))['error']).toBe('consent_required');
    expect(isConsent(await visitor.open(url(app, asked)))).toBe(true);
  });

  test('is requested each time by prompt=consent, also for a first-party app', async () => {
    expect(isConsent(await visitor.open(url(app, { prompt: 'consent', scope: 'openid email' })))).toBe(true);
    expect(isConsent(await visitor.open(url(own, { prompt: 'consent' })))).toBe(true);
    expect(isConsent(await visitor.open(url(own)))).toBe(false);
  });

  test('a denial at prompt=consent keeps the earlier consent', async () => {
    const page = await visitor.open(url(app, { prompt: 'consent', scope: 'openid email' }));
    expect(answer(await visitor.submit(page, {}, 'deny'))['error']).toBe('access_denied');
    expect(answer(await visitor.request(url(app, { prompt: 'none', scope: 'openid email' })))['code']).toMatch(
      /^lk_ac_/,
    );
  });

  test('of one user does not count for the next one in the same browser', async () => {
    const shared = new Visitor();
    await tokensFor(latchkey.base, app, fresh, { scope: 'openid email' }, shared);
    const page = await shared.signIn(url(own, { prompt: 'login' }), user);
    expect(page.get('code')).not.toBeNull();
    expect(isConsent(await shared.open(url(app, { scope: 'openid email' })))).toBe(true);
  });

  test('the granted scopes are the allowed ones, not the scopes of a later request with the same code', async () => {
    const { verifier, challenge } = pkce();
    const back = answer(await visitor.request(url(app, { scope: 'openid email', code_challenge: challenge })));
    const tokens = await post(`${latchkey.base}/oidc/token`, app, {
      grant_type: 'authorization_code',
      code: back['code'] ?? '',
      redirect_uri: app.redirect_uris[0] ?? '',
      code_verifier: verifier,
      scope: 'openid email profile phone',
    });
    expect(tokens.body['scope']).toBe('openid email');
  });
});
