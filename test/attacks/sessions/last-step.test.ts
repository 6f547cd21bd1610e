/** A sign-in whose last redirect is held back: what its proofs were worth is asked again when it comes. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { send, signInTo } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true });
});
afterAll(() => latchkey.close());

const at = (path: string) => `${latchkey.base}${path}`;

/** Everything is proved; the address at which the engine goes on is not opened yet. */
async function heldBack({ email, password }: TestUser): Promise<{ thief: Visitor; last: string }> {
  const thief = new Visitor();
  const first = await thief.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
  const asked = await thief.submit(first, { email });
  const [form] = formsOf(asked);
  const done = await thief.request(form!.action, { form: { ...form!.fields, password } });
  expect(done.location).toContain('/oidc/auth/');
  return { thief, last: done.location ?? '' };
}

type Act = (owner: { visitor: Visitor; user: TestUser }) => Promise<unknown>;
const acts: Record<string, Act> = {
  'the password is changed': ({ visitor, user }) =>
    send(visitor, at('/account/password'), { current: user.password, password: 'several entirely new words 77' }),
  'the owner says “this was not me”': ({ visitor }) => send(visitor, at('/account/activity/not-me')),
  'the operator takes the factors away': ({ user }) =>
    latchkey.run('users.reset_mfa', { user_id: user.id, reason: 'lost phone' }),
  'the account is disabled and enabled': async ({ user }) => {
    await latchkey.run('users.disable', { user_id: user.id });
    await latchkey.run('users.enable', { user_id: user.id });
  },
};

test('without an act in between the browser is signed in', async () => {
  const { thief, last } = await heldBack(await latchkey.user());
  expect((await thief.open(last)).location).toContain('code=');
  expect((await thief.open(at('/account'))).url).toBe(at('/account'));
});

test.each(Object.entries(acts))('%s: no user is signed in by it', async (_what, act) => {
  const owner = await signInTo(latchkey, await latchkey.user({ email_verified: true }));
  const { thief, last } = await heldBack(owner.user);
  await act(owner);
  expect((await thief.open(last)).location ?? '').not.toContain('code=');
  expect((await thief.open(at('/account'))).url).not.toBe(at('/account'));
});

test('a password that is changed while it is compared signs no user in', async () => {
  const owner = await signInTo(latchkey);
  const { passwordAttempts } = latchkey.app.credentials;
  const thief = new Visitor();
  const first = await thief.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
  const asked = await thief.submit(first, { email: owner.user.email });
  const attempt = passwordAttempts.attempt.bind(passwordAttempts);
  const spy = vi.spyOn(passwordAttempts, 'attempt').mockImplementationOnce(async (tried) => {
    const outcome = await attempt(tried);
    await acts['the password is changed']!(owner);
    return outcome;
  });
  const answer = await thief.submit(asked, { password: owner.user.password });
  spy.mockRestore();
  expect([answer.url, answer.location]).toEqual([asked.url, null]);
  expect((await thief.open(asked.url.replace(/\/password$/, ''))).url).toBe(asked.url);
});
