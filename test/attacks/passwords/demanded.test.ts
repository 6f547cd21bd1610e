/** A demanded password that is set by a sign-in which was ended while the password was hashed: it is not set. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { authorizeUrl, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey.close());

const chosen = 'several entirely new words 77';

async function atDemand() {
  const client = await latchkey.client({ first_party: true });
  const user = await latchkey.user({ email_verified: true });
  await latchkey.run('users.require_password', { user_id: user.id });
  const visitor = new Visitor();
  const page = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
  const asked = await visitor.submit(await visitor.submit(page, { email: user.email }), { password: user.password });
  expect(asked.url).toMatch(/\/new-password$/);
  return { user, visitor, asked };
}

async function isPassword(userId: string, password: string): Promise<boolean> {
  const { passwords } = latchkey.app;
  return (await passwords.verify({ userId: userId as never, password, budget: 'test' })).kind === 'verified';
}

test.each([
  ['all sessions were ended', (id: string) => latchkey.run('users.sessions.end_all', { user_id: id })],
  ['the user was disabled', (id: string) => latchkey.run('users.disable', { user_id: id })],
])('a required new password is not set when %s meanwhile', async (_act, act) => {
  const { user, visitor, asked } = await atDemand();
  const { passwords } = latchkey.app;
  const prepare = passwords.prepare.bind(passwords);
  passwords.prepare = async (...given) => {
    const prepared = await prepare(...given);
    await act(user.id);
    return prepared;
  };
  const answer = await visitor.submit(asked, { password: chosen });
  passwords.prepare = prepare;
  expect(answer.location ?? '').not.toContain('code=');
  expect([await isPassword(user.id, user.password), await isPassword(user.id, chosen)]).toEqual([true, false]);
});

test('a required new password is set by the sign-in that continues', async () => {
  const { user, visitor, asked } = await atDemand();
  expect((await visitor.submit(asked, { password: chosen })).location).toContain('code=');
  expect(await isPassword(user.id, chosen)).toBe(true);
});
