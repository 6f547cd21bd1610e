import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { send } from '../../support/account.ts';
import { authorizeUrl, pkce, tokensFor, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true });
  await setting('optional');
});
afterAll(() => latchkey.close());

const setting = (value: string) =>
  latchkey.app.run('settings.update', { params: { name: 'users.username' }, input: { value } });
const start = (visitor: Visitor) =>
  visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));

async function userNamed(username: string): Promise<TestUser> {
  const user = await latchkey.user();
  const answer = await latchkey.app.run('users.username.update', { params: { user_id: user.id }, input: { username } });
  expect(answer).toMatchObject({ ok: true });
  return user;
}

describe('a sign-in by username', () => {
  test.each([
    ['plain.name', 'plain.name'],
    ['cased.name', 'Cased.NAME'],
    ['wide.name', 'ＷＩＤＥ.ＮＡＭＥ'],
  ])('of %s takes %s with the password', async (username, typed) => {
    const { password } = await userNamed(username);
    const tokens = await tokensFor(latchkey.base, client, { email: typed, password });
    expect(tokens.access_token).toBeTypeOf('string');
  });

  test('looks the same for a username that none has', async () => {
    await userNamed('known.name');
    const [known, unknown] = await Promise.all(
      ['known.name', 'other.name'].map(async (typed) => {
        const visitor = new Visitor();
        const asked = await visitor.submit(await start(visitor), { email: typed });
        const refused = await visitor.submit(asked, { password: 'wrong password of mine' });
        const text = refused.text.replaceAll(/[\w-]{16,}/g, '').replaceAll(typed, '');
        return { path: new URL(refused.url).pathname.split('/').at(-1), status: refused.status, length: text.length };
      }),
    );
    expect(known).toEqual(unknown);
    expect(known!.path).toBe('password');
  });

  test('says nothing about the address of the account when it sends a code', async () => {
    const user = await userNamed('mailed.name');
    for (const typed of ['mailed.name', 'unmailed.name']) {
      const visitor = new Visitor();
      const page = await visitor.submit(await start(visitor), { email: typed });
      const sent = await visitor.open(page.url.replace(/password$/, 'email-code'));
      expect(sent.status).toBe(200);
      expect(sent.text).toContain(typed);
      expect(sent.text).not.toContain(user.email);
    }
  });

  test('is refused on the form where usernames are off', async () => {
    await userNamed('closed.name');
    await setting('off');
    const visitor = new Visitor();
    const page = await visitor.submit(await start(visitor), { email: 'closed.name' });
    expect(page.url).toMatch(/\/login$/);
    expect(page.text).toContain('Enter an email address like name@example.com');
    await setting('optional');
  });
});

describe('a required username', () => {
  test('is asked of a user without one, until one is free', async () => {
    await userNamed('taken.name');
    const user = await latchkey.user();
    await setting('required');
    const visitor = new Visitor();
    let page = await visitor.submit(await start(visitor), { email: user.email });
    page = await visitor.submit(page, { password: user.password });
    expect(page.url).toMatch(/\/profile$/);
    for (const [typed, said] of [
      ['taken.narne', 'That username isn’t available'],
      ['root', 'That username isn’t available'],
      ['x y', 'Use only letters, digits'],
      ['', 'Enter a username'],
    ] as const) {
      page = await visitor.submit(page, { username: typed });
      expect(page.url).toMatch(/\/profile$/);
      expect(page.text).toContain(said);
    }
    page = await visitor.submit(page, { username: 'Fresh.Name' });
    expect(page.location).toContain('code=');
    const shown = await latchkey.app.run('users.read', { params: { user_id: user.id } });
    expect(shown).toMatchObject({ result: { username: 'fresh.name' } });
    await setting('optional');
  });
});

describe('the account page', () => {
  test('changes and removes the username', async () => {
    const user = await userNamed('mine.name');
    await userNamed('theirs.name');
    const visitor = new Visitor();
    const url = `${latchkey.base}/account/profile`;
    let page = await visitor.open(url);
    page = await visitor.submit(page, { email: user.email });
    await visitor.submit(page, { password: user.password });
    const stored = async () => {
      const read = await latchkey.app.run('users.read', { params: { user_id: user.id } });
      return (read as unknown as { result: { username?: string } }).result.username;
    };
    for (const [typed, kept] of [
      ['theirs.name', 'mine.name'],
      ['root', 'mine.name'],
      ['New.Name', 'new.name'],
      ['', undefined],
    ] as const) {
      await send(visitor, url, { username: typed, name: 'Ada' });
      expect(await stored()).toBe(kept);
    }
  });
});
