import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { type SlowCache, startSlowCache } from '../../support/slow-cache.ts';
import { post } from '../../support/visitor.ts';

const SECOND = 1000;
const api = 'https://api.example';
let latchkey: TestApp;
let cache: SlowCache;
let robot: TestClient;

beforeEach(async () => {
  latchkey = await startTestApp();
  cache = await startSlowCache(latchkey.base);
  await latchkey.run('apis.create', { identifier: api, access_token_seconds: 600 });
  robot = await latchkey.run<TestClient>('clients.create', { name: 'Robot', type: 'machine', apis: { [api]: ['*'] } });
});
afterEach(async () => {
  vi.useRealTimers();
  await cache.close();
  await latchkey.close();
});

const set = (name: string, value: unknown) => latchkey.run('settings.update', { name, value: JSON.stringify(value) });
const travel = (seconds: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * SECOND });
const issued = async (): Promise<string> => {
  const asked = { grant_type: 'client_credentials', resource: api };
  return (await post(`${latchkey.base}/oidc/token`, robot, asked)).body.access_token;
};

/** A relying party that knows the provider through the cache alone: metadata first, then the keys that it names. */
async function verify(token: string): Promise<string> {
  const read = async (path: string): Promise<unknown> => (await fetch(cache.url + path)).json();
  const metadata = (await read('/.well-known/openid-configuration')) as { issuer: string; jwks_uri: string };
  const keys = (await read(new URL(metadata.jwks_uri).pathname)) as JSONWebKeySet;
  await jwtVerify(token, createLocalJWKSet(keys), { issuer: metadata.issuer, audience: api, typ: 'at+jwt' });
  return decodeProtectedHeader(token).kid ?? '';
}

describe('a relying party that caches the key set as long as it may (RFC 9111 §4.2)', () => {
  test.each([1, 360, 86_400])(
    'knows each key through four rotations, with keys published for %d s',
    async (seconds) => {
      await set('oidc.keyPublicationSeconds', seconds);
      const step = Math.max(seconds / 24, 59);
      const used = new Set<string>();
      let old: { token: string; until: number }[] = [];
      for (let rotation = 0; rotation < 4; rotation += 1) {
        // The cache is filled in the moment before the key set changes.
        used.add(await verify(await issued()));
        let scheduled: unknown[] = ['unknown'];
        while (scheduled.length > 0) {
          ({ scheduled } = await latchkey.run<{ scheduled: unknown[] }>('keys.rotate'));
          const token = await issued();
          used.add(await verify(token));
          old = [...old, { token, until: Date.now() + 590 * SECOND }].filter(({ until }) => until > Date.now());
          // A token of an old key is good to its end.
          for (const one of old) used.add(await verify(one.token));
          travel(step);
        }
      }
      expect(used.size).toBe(5);
      expect(cache.fetched.fresh).toBeGreaterThan(3);
    },
  );

  test('asks each time where keys sign at once, and hears that nothing has changed', async () => {
    await set('oidc.keyPublicationSeconds', 0);
    const used = new Set<string>();
    for (let rotation = 0; rotation < 4; rotation += 1) {
      used.add(await verify(await issued()));
      used.add(await verify(await issued()));
      await latchkey.run('keys.rotate');
      used.add(await verify(await issued()));
    }
    expect(used.size).toBe(5);
    expect(cache.fetched.unchanged).toBeGreaterThan(3);
  });

  test('after an emergency it trusts the removed keys for five minutes at most', async () => {
    const token = await issued();
    await verify(token);
    await latchkey.run('keys.rotate', { immediately: true });
    travel(300);
    await expect(verify(token)).rejects.toThrow();
    await verify(await issued());
  });
});

describe('the answer', () => {
  const paths = ['/oidc/jwks', '/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'];
  const ask = (path: string, init: RequestInit = {}) => fetch(latchkey.base + path, init);

  test.each(paths)('of %s may be kept for five minutes, has an entity tag, and 304 for who has it', async (path) => {
    const first = await ask(path);
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{43}"$/);
    const answers = [first, await ask(path, { headers: { origin: 'https://anywhere.example' } })];
    answers.push(await ask(path, { method: 'HEAD' }), await ask(path, { headers: { 'if-none-match': etag } }));
    expect(answers.map(({ status, headers }) => [status, headers.get('cache-control'), headers.get('etag')])).toEqual(
      [200, 200, 200, 304].map((status) => [status, 'public, max-age=300', etag]),
    );
    for (const { headers } of answers) expect(headers.get('access-control-allow-origin')).toBe('*');
    expect((await ask(path, { headers: { 'if-none-match': '"x"' } })).status).toBe(200);
  });

  test('of the key set has another tag after a rotation', async () => {
    const before = (await ask('/oidc/jwks')).headers.get('etag');
    await latchkey.run('keys.rotate');
    const after = await ask('/oidc/jwks', { headers: { 'if-none-match': before ?? '' } });
    expect([after.status, after.headers.get('content-type')]).toEqual([200, expect.stringContaining('jwk-set+json')]);
  });

  test('is not kept when it is an error', async () => {
    expect((await ask('/oidc/jwks', { method: 'POST' })).headers.get('cache-control')).toBe('no-store');
  });
});
