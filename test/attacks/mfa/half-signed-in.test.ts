/** An attacker who knows only the password: the cookies after that step must be useless everywhere. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { siteMap } from '../../../src/app/site-map.ts';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { codeBack, codeOf, isAt, keyOn, walk } from '../../support/mfa.ts';
import { authorizeUrl, formsOf, type Page, pkce, type Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let steps: ReturnType<typeof walk>;
let visitor: Visitor;
let page: Page;
/** A text that pages show only to the user: the email address is split before its @. */
let name: string;

beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true });
  steps = walk(latchkey, client);
  const { key: _key, ...user } = await steps.withApp();
  name = nameOf(user);
  ({ visitor, page } = await steps.afterPassword(user));
  expect(isAt(page, '/second-factor/totp')).toBe(true);
});
afterAll(() => latchkey.close());

const nameOf = ({ email }: { email: string }): string => email.slice(0, email.indexOf('@'));

/** Where this browser is after the request; a page that shows the person counts as let in, but for the second step itself. */
const isLetIn = (answer: Page): boolean =>
  codeBack(answer) !== null || (answer.status === 200 && answer.text.includes(name) && !isSecondStep(answer));
const isSecondStep = (answer: Page): boolean => new URL(answer.url).pathname.includes('/second-factor/');

describe('with one of two factors', () => {
  test('no address of the product opens', async () => {
    const paths = siteMap(latchkey.config)
      .filter(({ methods }) => methods.includes('GET'))
      .flatMap(({ path }) => (path.endsWith('/*') ? [path.slice(0, -2), path.replace('*', 'security')] : [path]));
    expect(paths.length).toBeGreaterThan(20);
    for (const path of paths) expect(isLetIn(await visitor.open(`${latchkey.base}${path}`)), path).toBe(false);
  });

  test('no later step of the sign-in is accepted before the second factor', async () => {
    const path = page.url.replace('/second-factor/totp', '');
    const others = ['consent', 'create', 'new-password', 'verify-email', 'terms', 'profile', 'offer-passkey'];
    const adding = [
      'enrol-factor',
      'enrol-factor/totp',
      'enrol-factor/passkey',
      'recovery-codes',
      'recovery-codes.txt',
    ];
    const { csrf = '' } = formsOf(page)[0]?.fields ?? {};
    for (const where of [...others, ...adding]) {
      const seen = await visitor.open(`${path}/${where}`);
      expect([isLetIn(seen), keyOn(seen)], `GET ${where}`).toEqual([false, '']);
      const form = { csrf, action: 'skip', code: '000000', saved: '1', password: 'x', credential: '{}' };
      const sent = await visitor.open(`${path}/${where}`, form);
      expect([isLetIn(sent), keyOn(sent)], `POST ${where}`).toEqual([false, '']);
    }
    expect(isAt(await visitor.open(path), '/second-factor/totp')).toBe(true);
  });

  test('the relying party hears that no user is signed in', async () => {
    const silent = authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, prompt: 'none' });
    const { location } = await visitor.open(silent);
    expect(new URL(location ?? '').searchParams.get('error')).toBe('login_required');
  });

  test('the engine’s resume address leads back to the second factor', async () => {
    const uid = /interaction\/([^/]+)/.exec(page.url)?.[1];
    const resumed = await visitor.open(`${latchkey.base}/oidc/auth/${uid}`);
    expect(isLetIn(resumed)).toBe(false);
  });

  test('earlier cookies do not bypass it', async () => {
    const { key: _key, ...user } = await steps.withApp();
    const half = await steps.afterPassword(user);
    const before = new Map(half.visitor.jar);
    for (let i = 0; i < 6; i += 1) await half.visitor.submit(half.page, { code: `00000${i}` });
    for (const [name, cookie] of before) half.visitor.jar.set(name, cookie);
    const again = await half.visitor.submit(half.page, { code: '000007' });
    expect([again.isRefused, again.text.includes('Codes are paused')]).toEqual([true, true]);
  });
});

test('with both factors the account page opens, so the addresses above were closed for the right reason', async () => {
  const { key, ...user } = await steps.withApp();
  const half = await steps.afterPassword(user);
  const account = `${latchkey.base}/account`;
  expect((await half.visitor.open(account)).text).not.toContain(nameOf(user));
  await half.visitor.submit(half.page, { code: codeOf(key) });
  expect((await half.visitor.open(account)).text).toContain(nameOf(user));
});

test('a factor proved in one tab does not count in another', async () => {
  const { key, ...user } = await steps.withApp();
  const one = await steps.afterPassword(user);
  const other = await steps.afterPassword(user, one.visitor);
  expect(codeBack(await one.visitor.submit(one.page, { code: codeOf(key) }))).not.toBeNull();
  const left = await one.visitor.open(other.page.url);
  expect(codeBack(left)).toBeNull();
});
