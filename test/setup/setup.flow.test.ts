import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey.close());

const person = {
  name: 'Grace',
  email: 'grace@example.com',
  password: 'a long and calm password',
  password_again: 'a long and calm password',
};
const link = async () => `${latchkey.base}${await latchkey.app.setup.openLink()}`;
const administrators = () => latchkey.app.database.sql('select 1 from users where is_administrator');

describe('the link of the first administrator', () => {
  test('has 256 random bits; the database stores the hash', async () => {
    const secret = (await link()).split('/').at(-1) ?? '';
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(
      JSON.stringify(await latchkey.app.database.sql(`select encode(secret_hash, 'escape') as hash from admin_link`)),
    ).not.toContain(secret);
  });

  test('works if it is the newest, and an older one leads to the sign-in', async () => {
    const [older, newer] = [await link(), await link()];
    const gone = await new Visitor().open(older);
    expect(gone.status).toBe(410);
    expect(gone.text).toContain('href="/account"');
    expect((await new Visitor().open(newer)).status).toBe(200);
  });

  test('expires after an hour', async () => {
    const url = await link();
    vi.useFakeTimers({ toFake: ['Date'], now: performance.timeOrigin + performance.now() + 61 * MINUTE });
    try {
      expect((await new Visitor().open(url)).status).toBe(410);
    } finally {
      vi.useRealTimers();
    }
  });

  test.each([
    ['two passwords that differ', { password_again: 'another long password' }],
    ['a short password', { password: 'short', password_again: 'short' }],
    ['no address', { email: 'grace' }],
    ['a common password', { password: 'passwordpassword', password_again: 'passwordpassword' }],
  ])('stays usable after a form with %s, and shows no password', async (_what, change) => {
    const visitor = new Visitor();
    const page = await visitor.submit(await visitor.open(await link()), { ...person, ...change });
    expect(page.isRefused).toBe(true);
    expect(page.text).not.toContain(person.password);
    expect(page.text).toContain('value="Grace"');
    expect(await administrators()).toEqual([]);
    expect((await visitor.open(page.url)).status).toBe(200);
  });

  test('creates one administrator in any number of parallel uses, and is then invalid', async () => {
    const url = await link();
    const visitors = Array.from({ length: 4 }, () => new Visitor());
    const pages = await Promise.all(visitors.map((visitor) => visitor.open(url)));
    const racers = await Promise.all(
      pages.map(async (page, i) => visitors[i]!.submit(page, { ...person, email: `grace${i}@example.com` })),
    );
    expect(racers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(racers.filter(({ status }) => status === 410)).toHaveLength(3);
    expect(await administrators()).toHaveLength(1);
    expect((await new Visitor().open(url)).status).toBe(410);
    expect(await latchkey.app.setup.openLink()).toBeNull();
  });

  test('that is guessed looks like an expired one', async () => {
    expect((await new Visitor().open(`${latchkey.base}/setup/${'A'.repeat(43)}`)).status).toBe(410);
  });
});
