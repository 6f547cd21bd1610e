/** A password that is changed by its current one, while its owner sets another one: the owner's stays. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { send, signInTo } from '../../support/account.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey.close());

test.each(['while it is hashed', 'before'])('a password that was reset %s stays', async (when) => {
  const { visitor, user } = await signInTo(latchkey);
  const { passwords } = latchkey.app;
  const userId = user.id as never;
  const [prepare, owned] = [passwords.prepare.bind(passwords), 'the owner has chosen this 5'];
  const hash = await passwords.hash(owned);
  const reset = () => latchkey.app.database.transaction((em) => passwords.adopt(em, userId, hash));
  passwords.prepare = async (...given) => {
    await reset();
    return prepare(...given);
  };
  if (when === 'before') {
    await reset();
    passwords.prepare = prepare;
  }
  const form = { current: user.password, password: 'several entirely new words 77' };
  const answer = await send(visitor, `${latchkey.base}/account/password`, form);
  passwords.prepare = prepare;
  expect(answer.location).toBe(`${latchkey.base}/account/password`);
  expect(await passwords.verify({ userId, password: owned, budget: 'test' })).toMatchObject({ kind: 'verified' });
});
