/** The list of begun sign-ins during an update: nodes of this release and of the previous one answer the same browser in turn. */
import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import { travel } from '../support/account.ts';
import { startTestApp, type TestApp, type TestClient, testSecrets, type TestUser } from '../support/app.ts';
import { authorizeUrl, pkce, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
let visitor: Visitor;
let uid: string;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ name: 'Tally', first_party: true, client_uri: 'https://shop.example/' });
  user = await latchkey.user({ email_verified: true });
});
beforeEach(async () => {
  visitor = new Visitor();
  uid = /\/interaction\/([\w-]+)/.exec((await visitor.open(url())).url)![1]!;
});
afterEach(() => void vi.useRealTimers());
afterAll(() => latchkey.close());

const url = () => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge });
const nameOfAsker = (): string => `latchkey-asker-${uid.slice(0, 11)}`;
const valueOf = (cookie: string): string => visitor.jar.get(`/ ${cookie}`)?.value ?? '';

/** As the previous release reads a value of the list. */
function readBefore(value: string): string | null {
  const [, at, request, given] = /^([\da-z]{1,9})\.([\w-]{12})\.([\w-]{22})$/.exec(value) ?? [];
  const [key] = createKeyRing([testSecrets]).deriveKeys('begun-sign-ins');
  const mac = createHmac('sha256', key!).update(`${uid}.${at}.${request}`).digest('base64url').slice(0, 22);
  return mac === given ? request! : null;
}

test('the previous release accepts a sign-in that this one began', () => {
  expect(readBefore(valueOf(`latchkey-begun-${uid}`))).toMatch(/^[\w-]{12}$/);
});

test('this release continues a sign-in that the previous one began, and names no application when it has ended', async () => {
  expect(visitor.jar.delete(`/ ${nameOfAsker()}`)).toBe(true);
  const page = await visitor.submit(await visitor.open(`${latchkey.base}/interaction/${uid}`), { email: user.email });
  travel(16 * MINUTE);
  const gone = await visitor.open(page.url);
  expect([gone.status, gone.text.includes('This sign-in has expired')]).toEqual([410, true]);
  expect(gone.text).not.toContain('shop.example');
  vi.useRealTimers();
  expect((await visitor.submit(page, { password: user.password })).location).toContain('code=');
});

test.each(['of another sign-in', 'changed'])('the asking application is not believed when it is %s', async (how) => {
  const own = valueOf(nameOfAsker());
  const strange = how === 'changed' ? own.replace(/^a/, 'd') : await ofAnother();
  visitor.jar.set(`/ ${nameOfAsker()}`, { name: nameOfAsker(), value: strange, path: '/' });
  travel(16 * MINUTE);
  const gone = await visitor.open(`${latchkey.base}/interaction/${uid}/login`);
  expect([gone.status, gone.text.includes('shop.example'), gone.text.includes('/oidc/device')]).toEqual([
    410,
    false,
    false,
  ]);
});

async function ofAnother(): Promise<string> {
  const other = new Visitor();
  await other.open(url());
  return [...other.jar.values()].find(({ name }) => name.startsWith('latchkey-asker-'))!.value;
}
