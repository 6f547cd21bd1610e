import { describe, expect, test } from 'vitest';
import { createKeyRing } from '#kernel/crypto.ts';
import { createCsrf } from '#kernel/http/csrf.ts';

const issuer = new URL('https://id.test');
const [older, newer] = ['an older secret of the key ring, long enough', 'a newer secret of the key ring, long enough'];
const csrf = createCsrf({ issuer, keyRing: createKeyRing([newer]) });

/** A browser: keeps its cookies from answer to request. */
function browser(jar = new Map<string, string>()) {
  const set: { name: string; attributes: Record<string, unknown> }[] = [];
  const request = () => ({
    req: { headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') } },
    cookies: {
      get: (name: string) => jar.get(name),
      set: (name: string, value: string | null, attributes: Record<string, unknown>) => {
        set.push({ name, attributes });
        if (value === null) jar.delete(name);
        else jar.set(name, value);
      },
    },
  });
  return { request, set, jar };
}

describe('the token of a form', () => {
  test('is accepted from the browser that received it, while its pages are open', () => {
    const { request, set } = browser();
    const [first, second] = [csrf.issue(request()), csrf.issue(request())];
    expect(csrf.isIssued(request(), first)).toBe(true);
    expect(csrf.isIssued(request(), second)).toBe(true);
    expect(set).toHaveLength(1);
  });

  test('differs in each response, so that compression reveals nothing', () => {
    const { request } = browser();
    const tokens = Array.from({ length: 20 }, () => csrf.issue(request()));
    expect(new Set(tokens).size).toBe(20);
  });

  test('of another browser is refused', () => {
    const [alice, mallory] = [browser(), browser()];
    csrf.issue(alice.request());
    expect(csrf.isIssued(alice.request(), csrf.issue(mallory.request()))).toBe(false);
  });

  test('is refused without the cookie', () => {
    const token = csrf.issue(browser().request());
    expect(csrf.isIssued(browser().request(), token)).toBe(false);
  });

  test('is refused with a forged cookie', () => {
    const planted = browser(new Map([['__Host-latchkey-csrf-x', 'x']]));
    const token = csrf.issue(browser().request());
    expect(csrf.isIssued(planted.request(), token)).toBe(false);
  });

  test.each(['', '.', 'x', 'a.b', `${'a'.repeat(12)}.${'b'.repeat(43)}`, 'null', '\0'])('%j is refused', (token) => {
    const { request } = browser();
    csrf.issue(request());
    expect(csrf.isIssued(request(), token)).toBe(false);
  });

  test('with one changed character is refused', () => {
    const { request } = browser();
    const token = csrf.issue(request());
    for (const at of [0, 11, 13, 40]) {
      const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      expect(csrf.isIssued(request(), changed), `position ${at}`).toBe(false);
    }
  });

  test('survives a change of the secrets while the older one is in the ring', () => {
    const { request } = browser();
    const token = createCsrf({ issuer, keyRing: createKeyRing([older]) }).issue(request());
    expect(createCsrf({ issuer, keyRing: createKeyRing([newer, older]) }).isIssued(request(), token)).toBe(true);
    expect(csrf.isIssued(request(), token)).toBe(false);
  });

  test('of one session is refused in another one of the same browser, and without one', () => {
    const { request } = browser();
    const [nobodys, alices] = [csrf.issue(request()), csrf.issue(request(), 'alice')];
    expect(csrf.isIssued(request(), alices, 'alice')).toBe(true);
    expect(csrf.isIssued(request(), nobodys)).toBe(true);
    expect(csrf.isIssued(request(), alices, 'bob')).toBe(false);
    expect(csrf.isIssued(request(), alices)).toBe(false);
    expect(csrf.isIssued(request(), nobodys, 'alice')).toBe(false);
  });

  test('belongs to the new cookie also within the response that sets it', () => {
    const { request } = browser();
    const answer = request();
    const [first, second] = [csrf.issue(answer), csrf.issue(answer)];
    expect([csrf.isIssued(request(), first), csrf.isIssued(request(), second)]).toEqual([true, true]);
  });
});

describe('its cookie', () => {
  test.each([
    ['https://id.test', /^__Host-latchkey-csrf-[\w-]{8}$/, true],
    ['http://localhost:3000', /^latchkey-csrf-[\w-]{8}$/, false],
  ])('at %s is named %s', (origin, name, secure) => {
    const { request, set } = browser();
    createCsrf({ issuer: new URL(origin), keyRing: createKeyRing([newer]) }).issue(request());
    expect(set).toEqual([
      {
        name: expect.stringMatching(name) as string,
        attributes: { httpOnly: true, sameSite: 'lax', path: '/', secure, overwrite: true, signed: false },
      },
    ]);
  });

  test('has 256 random bits', () => {
    const { request, jar } = browser();
    csrf.issue(request());
    expect(Buffer.from([...jar.values()][0] ?? '', 'base64url')).toHaveLength(32);
  });
});

test('pages that a browser without a cookie opens at once all work', () => {
  const { request, jar } = browser();
  const answers = Array.from({ length: 20 }, request);
  const tokens = answers.map((answer) => csrf.issue(answer));
  expect(tokens.map((token) => csrf.isIssued(request(), token))).toEqual(tokens.map(() => true));
  expect(jar.size).toBe(20);
  // From then on the browser has one, and gets no other.
  csrf.issue(request());
  expect(jar.size).toBe(20);
});

describe('the origin of a request', () => {
  test.each([
    [{}, true],
    [{ 'sec-fetch-site': 'same-origin' }, true],
    [{ 'sec-fetch-site': 'none' }, true],
    [{ 'sec-fetch-site': 'same-site' }, false],
    [{ 'sec-fetch-site': 'cross-site' }, false],
    [{ 'sec-fetch-site': 'nonsense' }, false],
    [{ origin: 'https://id.test' }, true],
    [{ origin: 'null' }, true],
    [{ origin: 'null', 'sec-fetch-site': 'same-origin' }, true],
    [{ origin: 'null', 'sec-fetch-site': 'cross-site' }, false],
    [{ origin: 'https://evil.test' }, false],
    [{ origin: 'http://id.test' }, false],
    [{ origin: 'https://id.test.evil.test' }, false],
    [{ origin: 'https://id.test:444' }, false],
    [{ origin: 'https://evil.test', 'sec-fetch-site': 'same-origin' }, false],
  ])('%j: same origin is %s', (headers, expected) => {
    expect(csrf.isFromHere({ req: { headers } })).toBe(expected);
  });
});
