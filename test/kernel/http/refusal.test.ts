import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKeyRing } from '#kernel/crypto.ts';
import { createRefusals, formPage } from '#kernel/http/refusal.ts';
import { testClock } from '../../support/clock.ts';
import { bodyOf, headerOf, openEdge, request, statusOf, type Context, type TestEdge } from '../../support/edge.ts';

const issuer = new URL('https://id.test');
const keyRing = createKeyRing(['a secret of the key ring, long enough for it']);
const place = { page: '/page', holder: 'session' };
const problem = { problem: { kind: 'wrong' } };

function setting() {
  const clock = testClock();
  return { clock, refusals: createRefusals({ issuer, keyRing, clock }) };
}

/** A browser: keeps its cookies from answer to request. */
function browser(jar = new Map<string, string>()) {
  const set: { name: string; value: string | null; attributes: Record<string, unknown> }[] = [];
  const answer = () => ({
    req: { headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') } },
    cookies: {
      get: (name: string) => jar.get(name),
      set: (name: string, value: string | null, attributes: Record<string, unknown>) => {
        set.push({ name, value, attributes });
        if (value === null) jar.delete(name);
        else jar.set(name, value);
      },
    },
  });
  return { answer, set, jar };
}

describe('the error of a refused form', () => {
  test('is shown once, on its own page', () => {
    const { refusals } = setting();
    const { answer, set } = browser();
    refusals.keep(answer(), place, problem);
    expect(refusals.take(answer(), place)).toEqual(problem);
    expect(refusals.take(answer(), place)).toBeUndefined();
    expect(set[0]).toMatchObject({
      name: expect.stringMatching(/^__Host-latchkey-refused-[\w-]{11}$/) as string,
      attributes: { httpOnly: true, secure: true, sameSite: 'lax', path: '/', maxAge: 60_000 },
    });
  });

  const { refusals } = setting();
  test.each([
    ['another page', { page: '/other', holder: 'session' }],
    ['another session in the same browser', { page: '/page', holder: 'other' }],
    ['nobody in the same browser', { page: '/page', holder: '' }],
  ])('is not shown to %s', (_, elsewhere) => {
    const { answer, jar } = browser();
    refusals.keep(answer(), place, problem);
    const [sealed] = [...jar.values()];
    // Also under the name that the other page's own would have.
    refusals.keep(answer(), elsewhere, {});
    for (const name of jar.keys()) jar.set(name, sealed!);
    expect(refusals.take(answer(), elsewhere)).toBeUndefined();
  });

  test('is not shown to another browser', () => {
    refusals.keep(browser().answer(), place, problem);
    expect(refusals.take(browser().answer(), place)).toBeUndefined();
  });

  test('is forgotten after a minute, even if the browser keeps the cookie', () => {
    const { refusals: mine, clock } = setting();
    const { answer } = browser();
    mine.keep(answer(), place, problem);
    clock.advance(60_000);
    expect(mine.take(answer(), place)).toBeUndefined();
  });

  test.each([
    ['altered', (text: string) => `${text.slice(0, -2)}AA`],
    ['cut', (text: string) => text.slice(0, 20)],
    ['empty', () => ''],
    ['of plain text', () => JSON.stringify(problem)],
  ])('is not shown when the cookie is %s, and the cookie is deleted', (_, change) => {
    const { answer, jar } = browser();
    refusals.keep(answer(), place, problem);
    for (const [name, value] of jar) jar.set(name, change(value));
    expect(refusals.take(answer(), place)).toBeUndefined();
    expect(jar.size).toBe(0);
  });

  test('of one page does not replace the error of another, for three pages', () => {
    const { answer, jar } = browser();
    const pages = ['/a', '/b', '/c', '/d', '/e'];
    for (const page of pages) refusals.keep(answer(), { page, holder: '' }, { page });
    expect(jar.size).toBe(3);
    expect(pages.map((page) => refusals.take(answer(), { page, holder: '' }))).toEqual([
      undefined,
      undefined,
      { page: '/c' },
      { page: '/d' },
      { page: '/e' },
    ]);
  });

  test('keeps its times', () => {
    const { answer } = browser();
    const until = new Date('2030-01-01T00:15:00Z');
    refusals.keep(answer(), place, { problem: { kind: 'throttled', until, waitSeconds: 900 } });
    expect(refusals.take(answer(), place)).toEqual({ problem: { kind: 'throttled', until, waitSeconds: 900 } });
  });
});

describe('typed values', () => {
  const secrets = [
    'password',
    'current',
    'password_again',
    'passwordAgain',
    'current_password',
    'code',
    'otp',
    'recovery_code',
  ];
  const others = ['client_secret', 'token', 'csrf', 'credential', 'passphrase'];

  test.each([...secrets, ...others])('are never kept in %s, at any depth', (name) => {
    const { refusals } = setting();
    const { answer } = browser();
    const given = { [name]: 'Hunter-2', values: { [name]: 'Hunter-2' }, list: [{ [name]: 'Hunter-2' }] };
    refusals.keep(answer(), place, { ...given, errors: { [name]: 'Hunter-2' } });
    expect(JSON.stringify(refusals.take(answer(), place))).not.toContain('Hunter');
  });

  test('may be wrong in a secret field: the kind of error is kept', () => {
    const { refusals } = setting();
    const { answer } = browser();
    const shown = { errors: { password: 'too_long', email: 'required' }, email: 'ada@example.com' };
    refusals.keep(answer(), place, shown);
    expect(refusals.take(answer(), place)).toEqual(shown);
  });

  test.each([
    ['one long text', { about: 'x'.repeat(5000) }, { problem: { kind: 'wrong' } }],
    [
      'many long ones',
      Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`field${at}`, 'x'.repeat(300)])),
      { problem: { kind: 'wrong' } },
    ],
    ['many short ones', { name: 'Ada', more: Array.from({ length: 300 }, () => 'Ada') }, undefined],
  ])('are dropped when they are too long: %s', (_, typed, kept) => {
    const { refusals } = setting();
    const { answer, set } = browser();
    refusals.keep(answer(), place, { ...typed, problem: { kind: 'wrong' } });
    for (const { value } of set) expect(value?.length ?? 0).toBeLessThan(2000);
    expect(refusals.take(answer(), place)).toEqual(kept);
  });
});

describe('a page with a form', () => {
  const page = formPage<{ problem: string; email: string }>();
  let edge: TestEdge;
  beforeAll(async () => {
    edge = await openEdge({
      routes(router) {
        router.get('/page', (ctx: Context) => (ctx.body = page.refused(ctx)));
        router.post('/page', (ctx: Context) =>
          page.refuse(ctx, '/page?step=2', { problem: 'wrong', email: 'ada@example.com' }),
        );
      },
    });
  });
  afterAll(() => edge.close());
  const get = (cookie: string, method = 'GET') => request(edge, `${method} /page?step=2`, [`Cookie: ${cookie}`]);

  test('answers 303 to itself, shows the errors once; HEAD does not clear them', async () => {
    const refused = await request(edge, 'POST /page');
    expect(statusOf(refused)).toBe(303);
    expect(headerOf(refused, 'Location')).toBe('/page?step=2');
    const cookie = headerOf(refused, 'Set-Cookie')!.split(';', 1)[0]!;
    expect(cookie).toMatch(/^latchkey-refused-/);
    expect(headerOf(await get(cookie, 'HEAD'), 'Set-Cookie')).toBeUndefined();
    const shown = await get(cookie);
    expect(JSON.parse(bodyOf(shown))).toEqual({ problem: 'wrong', email: 'ada@example.com' });
    expect(headerOf(shown, 'Set-Cookie')).toMatch(/^latchkey-refused-[\w-]+=; /);
    expect(JSON.parse(bodyOf(await get('')))).toEqual({});
  });
});
