import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import argon2 from 'argon2';
import { toUuid } from '#kernel/ids.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';

let latchkey: TestApp;
let ada: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp({ safeHashes: true });
  ada = await latchkey.user();
});
afterAll(() => latchkey.close());

const verify = (password: string, budget = ada.id) =>
  latchkey.app.passwords.verify({ userId: ada.id as never, password, budget });
const storedHash = async () =>
  (
    await latchkey.app.database.sql<{ hash: string }>('select hash from password_credential where user_id = $1', [
      toUuid(ada.id as never),
    ])
  )[0]?.hash;

describe('passwords', () => {
  test('are stored as argon2id of 19 MiB and two passes', async () => {
    expect(await storedHash()).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  test.each([
    ['as it is', (password: string) => password, 'verified'],
    ['with a space behind', (password: string) => `${password} `, 'wrong'],
    ['in capitals', (password: string) => password.toUpperCase(), 'wrong'],
    ['cut by one character', (password: string) => password.slice(0, -1), 'wrong'],
    ['with a NUL behind', (password: string) => `${password}\u0000`, 'wrong'],
  ])('are compared exactly: %s', async (_what, change, kind) => {
    expect((await verify(change(ada.password))).kind).toBe(kind);
  });

  test('do not depend on the composition of their letters', async () => {
    const eve = await latchkey.user({ password: 'Zürich in the mörning'.normalize('NFD') });
    const outcome = await latchkey.app.passwords.verify({
      userId: eve.id as never,
      password: 'Zürich in the mörning'.normalize('NFC'),
      budget: eve.id,
    });
    expect(outcome.kind).toBe('verified');
  });

  test('differ if they differ beyond 256 characters or beyond bcrypt’s limit', async () => {
    const long = 'abcdefghij'.repeat(25);
    const eve = await latchkey.user({ password: `${long}12345` });
    const tries = await Promise.all(
      [`${long}12346`, `${long}1234`].map((password) =>
        latchkey.app.passwords.verify({ userId: eve.id as never, password, budget: eve.id }),
      ),
    );
    expect(tries.map(({ kind }) => kind)).toEqual(['wrong', 'wrong']);
  });

  test('with weaker parameters are hashed again after a right sign-in', async () => {
    const weak = await argon2.hash(ada.password, {
      type: argon2.argon2id,
      memoryCost: 8192,
      timeCost: 2,
      parallelism: 1,
    });
    await latchkey.app.database.sql('update password_credential set hash = $1 where user_id = $2', [
      weak,
      toUuid(ada.id as never),
    ]);
    expect((await verify(ada.password)).kind).toBe('verified');
    expect(await storedHash()).toContain('m=19456');
  });

  test('reach the hash five times at most when two hundred are tried at once', async () => {
    const guesses = await Promise.allSettled(Array.from({ length: 200 }, (_, i) => verify(`guess ${i}`, 'parallel')));
    const kinds = guesses.map((guess) => (guess.status === 'fulfilled' ? guess.value.kind : 'busy'));
    expect(kinds.filter((kind) => kind === 'wrong')).toHaveLength(5);
    expect(kinds.filter((kind) => kind === 'throttled')).toHaveLength(195);
  });
});
