/** When a counter trips tells as much as a page does: it trips at the same try for everybody who cannot get in. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { authorizeUrl, formsOf, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;

beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.passwordFailuresPerAddress': 100_000 } });
  client = await latchkey.client();
});
afterAll(() => latchkey.close());

/** For each try whether the page still takes another. */
async function tries(email: string, passwords: readonly string[]): Promise<boolean[]> {
  const open: boolean[] = [];
  for (const password of passwords) {
    const visitor = new Visitor();
    const first = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
    const page = await visitor.submit(await visitor.submit(first, { email }), { password });
    expect(page.isRefused).toBe(true);
    open.push(formsOf(page).length > 0);
  }
  return open;
}

test('the right password of a disabled user does not reset the counter', async () => {
  const person = await latchkey.user();
  await latchkey.run('users.disable', { user_id: person.id });
  const guesses = [
    'wrong number one',
    'wrong number two',
    person.password,
    'wrong number four',
    'wrong number five',
    'six',
  ];
  const disabled = await tries(person.email, guesses);
  expect(disabled).toEqual(await tries('nobody-at-all@example.com', guesses));
  expect(disabled.at(-1)).toBe(false);

  await latchkey.run('users.enable', { user_id: person.id });
  const back = new Visitor();
  await expect(
    back.signIn(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }), person),
  ).rejects.toThrow('refused');
});

test('the audit log tells the operator why each sign-in failed', async () => {
  const person = await latchkey.user();
  await latchkey.run('users.disable', { user_id: person.id });
  await tries(person.email, [person.password]);
  const [event] = await latchkey.app.database.sql<{ reason: string }>(
    `select details->>'reason' as reason from audit_record where type = 'user.sign_in_failed' and subject_id = $1`,
    [person.id],
  );
  expect(event?.reason).toBe('disabled');
});
