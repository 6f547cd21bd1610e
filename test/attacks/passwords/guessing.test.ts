/** Guesses at a password, spelled, spread and sent in ways that a counter might miss. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let shop: TestClient;

beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.passwordFailuresPerAddress': 100_000 } });
  shop = await latchkey.client({ first_party: true });
});
afterAll(() => latchkey.close());

async function atPassword(visitor: Visitor, email: string): Promise<Page> {
  const url = authorizeUrl(latchkey.base, shop, { code_challenge: pkce().challenge, prompt: 'login' });
  return visitor.submit(await visitor.open(url), { email });
}

const asksForPassword = (page: Page): boolean => 'password' in (formsOf(page)[0]?.fields ?? {});
const code = (page: Page): string | null => page.location && new URL(page.location).searchParams.get('code');

async function tried({ id }: { id: string }): Promise<{ wrong: number; throttled: number }> {
  const rows = await latchkey.app.database.sql<{ reason: string }>(
    `select details->>'reason' as reason from audit_record where type = 'user.sign_in_failed' and subject_id = $1`,
    [id],
  );
  const of = (wanted: string): number => rows.filter(({ reason }) => reason === wanted).length;
  return { wrong: of('wrong'), throttled: of('throttled') };
}

describe('one user has one counter', () => {
  const spellings: Record<string, (email: string) => string> = {
    'upper case': (email) => email.toUpperCase(),
    'space around it': (email) => `  ${email}\u00a0`,
    'a tab and a line break': (email) => `\t${email}\r\n`,
    'a domain in capitals': (email) => email.replace('example.com', 'EXAMPLE.COM'),
    'full-width letters in the domain': (email) => email.replace('example.com', 'ｅｘａｍｐｌｅ.com'),
    'a long s in the domain': (email) => email.replace('example.com', 'example.com'.replace('m', 'ｍ')),
    'the dot of the root': (email) => `${email}.`,
    'a full-width at': (email) => email.replace('@', '＠'),
    'an ideographic full stop': (email) => email.replace('.com', '。com'),
    'a zero-width space': (email) => email.replace('p', 'p\u200b'),
    'a soft hyphen in the domain': (email) => email.replace('example', 'exam\u00adple'),
    'angle brackets': (email) => `<${email}>`,
    'quotes around the local part': (email) => email.replace(/^[^@]*/, '"$&"'),
    'a comment': (email) => email.replace('@', '(x)@'),
    'a second address': (email) => `${email},nobody@example.com`,
  };

  test.each(Object.entries(spellings))('also with %s', async (_what, spell) => {
    const person = await latchkey.user();
    const visitor = new Visitor();
    let page = await atPassword(visitor, spell(person.email));
    if (!asksForPassword(page)) {
      expect(page.isRefused).toBe(true);
      return;
    }
    for (let i = 0; i < 5; i += 1) page = await visitor.submit(page, { password: `wrong number ${i}` });
    const honest = new Visitor();
    const last = await honest.submit(await atPassword(honest, person.email), { password: person.password });
    expect([last.isRefused, code(last)]).toEqual([true, null]);
  });

  test('also over browsers, sign-ins and clients', async () => {
    const person = await latchkey.user();
    for (let i = 0; i < 5; i += 1) {
      const visitor = new Visitor({ 'user-agent': `browser ${i}`, 'x-forwarded-for': `203.0.113.${i}` });
      await visitor.submit(await atPassword(visitor, person.email), { password: 'wrong wrong wrong' });
    }
    const fresh = new Visitor();
    expect(code(await fresh.submit(await atPassword(fresh, person.email), { password: person.password }))).toBeNull();
  });

  test('a forged cookie of a known browser opens no other counter', async () => {
    const person = await latchkey.user();
    const guess = async (device: string, password: string) => {
      const visitor = new Visitor();
      visitor.jar.set('/ latchkey-device', { name: 'latchkey-device', value: device, path: '/' });
      return visitor.submit(await atPassword(visitor, person.email), { password });
    };
    for (let i = 0; i < 5; i += 1) await guess(`device${i}`.padEnd(43, 'x'), 'wrong wrong wrong');
    expect(code(await guess('device9'.padEnd(43, 'x'), person.password))).toBeNull();
  });

  test('the cookie of another user’s known browser opens no other counter either', async () => {
    const [person, mallory] = [await latchkey.user(), await latchkey.user()];
    const visitor = new Visitor();
    await visitor.submit(await atPassword(visitor, mallory.email), { password: mallory.password });
    for (let i = 0; i < 5; i += 1)
      await visitor.submit(await atPassword(visitor, person.email), { password: 'wrong wrong wrong' });
    const other = new Visitor();
    expect(code(await other.submit(await atPassword(other, person.email), { password: person.password }))).toBeNull();
  });
});

test('of forty guesses at once no more are compared than one after the other (five)', async () => {
  const person = await latchkey.user();
  const visitor = new Visitor();
  const page = await atPassword(visitor, person.email);
  await Promise.all(Array.from({ length: 40 }, (_, i) => visitor.submit(page, { password: `guess number ${i}` })));
  expect(await tried(person)).toEqual({ wrong: 5, throttled: 35 });
  const honest = new Visitor();
  expect(code(await honest.submit(await atPassword(honest, person.email), { password: person.password }))).toBeNull();
});

describe('a password matches exactly', () => {
  const composed = 'Caf\u00e9 in the old harbour 7';

  test.each<[string, string, boolean]>([
    ['the same', composed, true],
    ['decomposed', composed.normalize('NFD'), true],
    ['without its last character', composed.slice(0, -1), false],
    ['with one more', `${composed}7`, false],
    ['with a space behind it', `${composed} `, false],
    ['with a space before it', ` ${composed}`, false],
    ['in another case', composed.toUpperCase(), false],
    ['without its accent', composed.replace('\u00e9', 'e'), false],
    ['with a zero-width space', `${composed}\u200b`, false],
  ])('%s', async (_what, typed, isRight) => {
    const person = await latchkey.user({ password: composed });
    const visitor = new Visitor();
    const answer = await visitor.submit(await atPassword(visitor, person.email), { password: typed });
    expect(code(answer) !== null).toBe(isRight);
  });

  test('to its last character: 256 characters, none truncated', async () => {
    const long = Array.from({ length: 256 }, (_, i) => String.fromCharCode(33 + (i % 90))).join('');
    const person = await latchkey.user({ password: long });
    for (const [typed, isRight] of [
      [long.slice(0, -1), false],
      [`${long}x`, false],
      [`${long.slice(0, 72)}${'x'.repeat(184)}`, false],
      [long, true],
    ] as const) {
      const visitor = new Visitor();
      const answer = await visitor.submit(await atPassword(visitor, person.email), { password: typed });
      expect(code(answer) !== null).toBe(isRight);
    }
  });
});

test.each(['password', 'client_credentials password', 'PASSWORD', 'urn:ietf:params:oauth:grant-type:password'])(
  'no grant accepts a password: %s',
  async (grant_type) => {
    const person = await latchkey.user();
    const answer = await fetch(`${latchkey.base}/oidc/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${shop.client_id}:${shop.client_secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type, username: person.email, password: person.password, scope: 'openid' }),
    });
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([
      400,
      'unsupported_grant_type',
    ]);
  },
);
