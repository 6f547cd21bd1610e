/** An ID token describes the sign-in as it happened, whatever the request asked for. */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { codeBack, codeOf, isAt, walk } from '../../support/mfa.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let steps: ReturnType<typeof walk>;

beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true });
  steps = walk(latchkey, client);
});
afterAll(() => latchkey.close());

type Said = { acr?: unknown; amr?: unknown; auth_time?: unknown } | { error: string | null } | { at: string };
type Ask = { key?: string; code?: boolean; remember?: boolean };
const level = (n: number) => `urn:latchkey:acr:${n}`;
const essential = (n: number) => JSON.stringify({ id_token: { acr: { essential: true, values: [level(n)] } } });

/** Signs in as far as the person can, and answers with what the relying party learns. */
async function said(
  user: Pick<TestUser, 'email' | 'password'>,
  extra: Record<string, string>,
  { key, remember = false }: Ask = {},
  visitor = new Visitor(),
): Promise<Said> {
  const { verifier, challenge } = pkce();
  let page: Page = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: challenge, ...extra }));
  for (let pages = 0; pages < 4 && !page.location; pages += 1) {
    const fields = formsOf(page)[0]?.fields ?? {};
    if ('password' in fields) page = await visitor.submit(page, { password: user.password });
    else if ('code' in fields && key !== undefined)
      page = await visitor.submit(page, { code: codeOf(key), ...(remember ? { remember: '1' } : {}) });
    else if ('email' in fields) page = await visitor.submit(page, { email: user.email });
    else break;
  }
  if (!page.location) return { at: new URL(page.url).pathname.split('/').slice(3).join('/') };
  const code = codeBack(page);
  if (code === null) return { error: new URL(page.location).searchParams.get('error') };
  const { body } = await post(`${latchkey.base}/oidc/token`, client, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirect_uris[0] ?? '',
    code_verifier: verifier,
  });
  const { acr, amr, auth_time } = decodeJwt(body.id_token);
  return { acr, amr, auth_time };
}

test('a password alone gives one factor, also if more is requested voluntarily', async () => {
  const bob = await latchkey.user();
  expect(await said(bob, { acr_values: level(2) })).toMatchObject({ acr: level(1), amr: ['pwd'] });
});

test('a password alone gives no token if more is required: the user is asked to add a factor', async () => {
  const bob = await latchkey.user();
  expect(await said(bob, { claims: essential(2) })).toEqual({ at: 'enrol-factor' });
});

test('an app gives two factors', async () => {
  const { key, ...alice } = await steps.withApp();
  const answer = await said(alice, { claims: essential(2) }, { key });
  expect(answer).toMatchObject({ acr: level(2), amr: ['pwd', 'otp', 'mfa'] });
});

test('a trusted browser gives one factor, and two if two are required', async () => {
  const { key, ...alice } = await steps.withApp();
  const visitor = new Visitor();
  await said(alice, { prompt: 'login' }, { key, remember: true }, visitor);
  const trusted = await said(alice, { prompt: 'login', max_age: '0' }, { key }, visitor);
  expect(trusted).toMatchObject({ acr: level(1), amr: ['pwd'] });
  const raised = await said(alice, { claims: essential(2) }, {}, visitor);
  expect(raised).toEqual({ at: 'second-factor/totp' });
});

test('no session claims more than it proved, without a page', async () => {
  const bob = await latchkey.user();
  const visitor = new Visitor();
  await said(bob, {}, {}, visitor);
  expect(await said(bob, { prompt: 'none', claims: essential(2) }, {}, visitor)).toEqual({ error: 'login_required' });
});

test('the cookie of one user’s trusted browser is useless with the password of another', async () => {
  const { key: bobsKey, ...bob } = await steps.withApp();
  const { key: _key, ...alice } = await steps.withApp();
  const { visitor, page } = await steps.afterPassword(bob);
  await visitor.submit(page, { code: codeOf(bobsKey), remember: '1' });
  const thief = new Visitor();
  for (const [name, cookie] of visitor.jar) if (cookie.name === 'latchkey-trusted') thief.jar.set(name, cookie);
  expect(thief.jar.size).toBe(1);
  expect(isAt((await steps.afterPassword(alice, thief)).page, '/second-factor/totp')).toBe(true);
});
