import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, formsOf, pkce, tokensFor, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;

beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true });
  user = await latchkey.user();
});
afterAll(() => latchkey.close());

type Row = { id: string; uid: string };
const sessions = () =>
  latchkey.app.database.sql<Row>(
    `select encode(id_hash, 'hex') as id, payload->>'uid' as uid from oidc_artifact
     where kind = 'Session' and account_id = $1 and revoked_at is null`,
    [user.id],
  );
const signInUrl = () => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, prompt: 'login' });
const cookie = (visitor: Visitor) => [...visitor.jar.values()].find(({ name }) => name === 'latchkey-session')?.value;

test('a session has a new id after each sign-in, and is always found meanwhile', async () => {
  const visitor = new Visitor();
  const { access_token: token } = await tokensFor(latchkey.base, client, user, {}, visitor);
  const [before] = await sessions();
  const firstCookie = cookie(visitor);

  const done = new AbortController();
  const seen = new Set<number>();
  const watching = (async () => {
    while (!done.signal.aborted) {
      seen.add((await sessions()).length);
      // The embedded database answers without ever letting the requests have their turn.
      await setImmediate();
    }
  })();
  for (let i = 0; i < 3; i += 1) await visitor.signIn(signInUrl(), user);
  done.abort();
  await watching;

  expect(seen).toEqual(new Set([1]));
  const [after] = await sessions();
  expect(after?.uid).toBe(before?.uid);
  expect(after?.id).not.toBe(before?.id);
  expect(cookie(visitor)).not.toBe(firstCookie);
  const userinfo = await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${token}` } });
  expect(userinfo.status).toBe(200);
});

test('a session that is ended while its user signs in again stays ended', async () => {
  const visitor = new Visitor();
  await visitor.signIn(signInUrl(), user);
  const page = await visitor.submit(await visitor.open(signInUrl()), { email: user.email });
  const [form] = formsOf(page);
  const proven = await visitor.request(form?.action ?? '', { form: { ...form?.fields, password: user.password } });
  // An act of an administrator, or of the user on another device, at this moment.
  await latchkey.app.database.sql(
    `update oidc_artifact set revoked_at = now() where kind = 'Session' and account_id = $1`,
    [user.id],
  );
  const end = await visitor.request(proven.location ?? '');
  expect(end.status).toBeLessThan(500);
  expect(
    (await visitor.request(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, prompt: 'none' })))
      .location,
  ).toContain('error=login_required');
});
