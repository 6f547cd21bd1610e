import { createHash } from 'node:crypto';
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
let keys: ReturnType<typeof createLocalJWKSet>;
const signedIn = new Visitor();
const redirectUri = 'https://rp.example/cb';

beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true, redirect_uris: [redirectUri] });
  user = await latchkey.user();
  await signedIn.signIn(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }), user);
  keys = createLocalJWKSet((await (await fetch(`${latchkey.base}/oidc/jwks`)).json()) as JSONWebKeySet);
});
afterAll(() => latchkey.close());

const ask = (asked: Record<string, string | undefined>, visitor = signedIn, of = client): Promise<Page> =>
  visitor.request(authorizeUrl(latchkey.base, of, { code_challenge: pkce().challenge, ...asked }));
const stranger = { prompt: 'none' };

const query = (page: Page): URLSearchParams => new URL(page.location ?? 'x:').searchParams;
const fragment = (page: Page): URLSearchParams => new URLSearchParams(new URL(page.location ?? 'x:').hash.slice(1));
const form = (page: Page): URLSearchParams => new URLSearchParams(formsOf(page)[0]?.fields);
const message = (page: Page): URLSearchParams => {
  const [, json = '{}'] = /var data = (.*);/.exec(page.text) ?? [];
  return new URLSearchParams((JSON.parse(json) as { response: Record<string, string> }).response);
};

const readers = { query, fragment, form_post: form, web_message: message };
const plain = Object.entries(readers);

async function unsigned(response: string, of = client): Promise<URLSearchParams> {
  const { payload, protectedHeader } = await jwtVerify(response, keys, {
    issuer: latchkey.base,
    audience: of.client_id,
  });
  const { iss, aud: _aud, exp = 0, ...rest } = payload;
  expect(protectedHeader.alg).not.toBe('none');
  // JARM §2.1: short-lived; ten minutes at most.
  expect(exp - Date.now() / 1000).toBeLessThanOrEqual(600);
  return new URLSearchParams({ iss: iss ?? '', ...(rest as Record<string, string>) });
}

describe('response modes (OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode, Web Message)', () => {
  test.each(plain)('%s carries a code, the state and the issuer, once each', async (response_mode, read) => {
    const answer = read(await ask({ response_mode }));
    expect(answer.get('code')).toMatch(/^lk_ac_/);
    expect([answer.getAll('state'), answer.getAll('iss'), answer.getAll('code').length]).toEqual([
      ['st'],
      [latchkey.base],
      1,
    ]);
  });

  test.each(plain)('%s carries an error', async (response_mode, read) => {
    const answer = read(await ask({ response_mode, ...stranger }, new Visitor()));
    expect(answer.get('error')).toBe('login_required');
    expect(answer.get('code')).toBeNull();
    expect([answer.getAll('state'), answer.getAll('iss')]).toEqual([['st'], [latchkey.base]]);
  });

  test('a code is in the query unless another mode is requested', async () => {
    expect(query(await ask({})).get('code')).toMatch(/^lk_ac_/);
  });

  test.each(['teapot', 'QUERY', 'query.', 'query fragment', 'form_post.teapot', '__proto__'])(
    'the mode %s is refused, by query',
    async (response_mode) => {
      const answer = query(await ask({ response_mode }));
      expect(answer.get('error')).toBe('unsupported_response_mode');
      expect(answer.get('code')).toBeNull();
    },
  );

  test.each([...Object.keys(readers), 'jwt', 'form_post.jwt', 'web_message.jwt'])(
    '%s does not respond to a bad redirect_uri',
    async (response_mode) => {
      const page = await ask({ response_mode, redirect_uri: 'https://evil.example/cb' });
      expect([page.status, page.location]).toEqual([400, null]);
      expect(page.text).toContain('redirect');
      expect(page.text).not.toContain('postMessage');
      expect(page.text).not.toMatch(/<form[^>]*evil/);
    },
  );

  test('a client gets responses only in its registered modes', async () => {
    const strict = await latchkey.client({
      first_party: true,
      redirect_uris: [redirectUri],
      response_modes: ['form_post'],
    });
    expect(form(await ask({ response_mode: 'form_post' }, signedIn, strict)).get('code')).toMatch(/^lk_ac_/);
    for (const response_mode of ['query', 'fragment', 'web_message', undefined]) {
      const page = await ask({ response_mode }, signedIn, strict);
      expect(page.location ?? page.text).toContain('invalid_request');
      expect(page.location ?? page.text).not.toContain('lk_ac_');
    }
  });
});

describe('a page that posts itself (Form Post Response Mode §2)', () => {
  test('posts to the registered address, once', async () => {
    const page = await ask({ response_mode: 'form_post' });
    expect(formsOf(page).map(({ action, method }) => [action, method])).toEqual([[redirectUri, 'post']]);
    expect([page.status, page.headers.get('cache-control')]).toEqual([200, 'no-store']);
  });

  test('is a page of ours, in the language of the user, that runs only our scripts', async () => {
    const page = await ask({ response_mode: 'form_post', ui_locales: 'de' });
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/script-src 'nonce-[\w-]{22}';/);
    expect(policy).not.toMatch(/unsafe|sha256|form-action/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(page.text).toContain('<html lang="de"');
    expect(page.text).toMatch(/<script type="module" src="\/assets\/forward[^"]*" nonce=/);
  });

  test('reveals nothing of ours to the other site, and works without JavaScript', async () => {
    const [sent] = formsOf(await ask({ response_mode: 'form_post' }));
    expect(Object.keys(sent?.fields ?? {}).toSorted()).toEqual(['code', 'iss', 'state']);
    expect(sent?.buttons).toEqual([{ name: '', value: '' }]);
  });

  test.each([
    '"><script>alert(1)</script>',
    "' onclick='alert(1)",
    '</form><form action=https://evil.example>',
    '\u2028&amp;',
  ])('the state %j is escaped', async (state) => {
    const page = await ask({ response_mode: 'form_post', state });
    expect(form(page).get('state')).toBe(state);
    expect(formsOf(page)).toHaveLength(1);
    expect(page.text.match(/<script/g)).toHaveLength(2);
  });
});

describe('a page that responds to the window which opened it (Web Message Response Mode)', () => {
  test('sends only to the origin of the registered address', async () => {
    const page = await ask({ response_mode: 'web_message' });
    const [, json = '{}'] = /var data = (.*);/.exec(page.text) ?? [];
    expect((JSON.parse(json) as { redirect_uri: string }).redirect_uri).toBe(redirectUri);
    expect(page.text).toContain('postMessage(authorization_response, origin)');
    expect(page.text).not.toContain("'*'");
  });

  test('may be framed and keeps its opener, and runs one script', async () => {
    const page = await ask({ response_mode: 'web_message' });
    const policy = page.headers.get('content-security-policy') ?? '';
    const [, script = ''] = /<script>([\s\S]*?)<\/script>/.exec(page.text) ?? [];
    expect(policy).not.toContain('frame-ancestors');
    expect(policy).toContain(`'sha256-${createHash('sha256').update(script).digest('base64')}'`);
    expect(page.headers.get('cross-origin-opener-policy')).toBeNull();
  });

  test.each(['</script><script>alert(1)</script>', '\u2028', '<!--', '"};alert(1);{"'])(
    'the state %j is escaped',
    async (state) => {
      const page = await ask({ response_mode: 'web_message', state });
      expect(message(page).get('state')).toBe(state);
      expect(page.text.match(/<script/g)).toHaveLength(1);
    },
  );

  test('relays to no other window (web_message_uri)', async () => {
    const page = await ask({ response_mode: 'web_message', web_message_uri: 'https://evil.example' });
    expect([page.status, page.location]).toEqual([400, null]);
    expect(page.text).not.toContain('postMessage');
  });
});

describe('signed responses (JARM)', () => {
  const signed = [
    ['jwt', query],
    ['query.jwt', query],
    ['fragment.jwt', fragment],
    ['form_post.jwt', form],
    ['web_message.jwt', message],
  ] as const;

  test.each(signed)('%s carries a code in one signed parameter', async (response_mode, read) => {
    const answer = read(await ask({ response_mode }));
    expect([...answer.keys()]).toEqual(['response']);
    const inner = await unsigned(answer.get('response') ?? '');
    expect(inner.get('code')).toMatch(/^lk_ac_/);
    expect([inner.get('state'), inner.get('iss')]).toEqual(['st', latchkey.base]);
  });

  test.each(signed)('%s carries an error in one signed parameter', async (response_mode, read) => {
    const answer = read(await ask({ response_mode, ...stranger }, new Visitor()));
    expect([...answer.keys()]).toEqual(['response']);
    const inner = await unsigned(answer.get('response') ?? '');
    expect([inner.get('error'), inner.get('state'), inner.get('code')]).toEqual(['login_required', 'st', null]);
  });

  test.each(['RS256', 'PS256', 'ES256', 'EdDSA'])('are signed with %s if the client registered it', async (alg) => {
    const other = await latchkey.client({
      first_party: true,
      redirect_uris: [redirectUri],
      authorization_signed_response_alg: alg,
    });
    const response = query(await ask({ response_mode: 'jwt' }, signedIn, other)).get('response') ?? '';
    expect((await jwtVerify(response, keys)).protectedHeader.alg).toBe(alg);
    await unsigned(response, other);
  });

  test('one altered character breaks it, and it is refused for another client', async () => {
    const response = query(await ask({ response_mode: 'jwt' })).get('response') ?? '';
    const altered = response.replace(/\.(.)/, (_all, letter: string) => `.${letter === 'a' ? 'b' : 'a'}`);
    await expect(jwtVerify(altered, keys)).rejects.toThrow();
    await expect(jwtVerify(response, keys, { audience: 'another' })).rejects.toThrow('aud');
  });

  test.each(['none', 'HS1', 'dir'])('the algorithm %s cannot be registered', async (alg) => {
    await expect(latchkey.client({ authorization_signed_response_alg: alg })).rejects.toThrow(
      'authorization_signed_response_alg',
    );
  });
});
