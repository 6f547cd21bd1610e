import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeProtectedHeader,
  type JSONWebKeySet,
  jwtVerify,
  type JWTVerifyGetKey,
} from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';

const audience = 'https://api.example';

let app: TestApp;
let robot: TestClient;

beforeEach(async () => {
  app = await startTestApp();
  await app.run('apis.create', { identifier: audience, scopes: [{ name: 'read' }] });
  robot = await app.run<TestClient>('clients.create', { name: 'Robot', type: 'machine', apis: { [audience]: ['*'] } });
});
afterEach(() => app.close());

async function accessToken(): Promise<string> {
  const answer = await fetch(`${app.base}/oidc/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${robot.client_id}:${robot.client_secret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource: audience, scope: 'read' }),
  });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { access_token: string }).access_token;
}

const published = async () => (await (await fetch(`${app.base}/oidc/jwks`)).json()) as JSONWebKeySet;
const kidOf = (token: string) => decodeProtectedHeader(token).kid;
const accepts = (token: string, keys: JWTVerifyGetKey) =>
  jwtVerify(token, keys, { issuer: app.base, audience, algorithms: ['ES256'], typ: 'at+jwt' }).then(
    () => true,
    () => false,
  );

describe('a rotation under load', () => {
  test('fails no request, and no relying party, with cached or with newly fetched keys', async () => {
    const cached = createLocalJWKSet(await published());
    const tokens: string[] = [];
    const over = new AbortController();
    const load = Array.from({ length: 8 }, async () => {
      while (!over.signal.aborted) tokens.push(await accessToken());
    });
    await expect.poll(() => tokens.length).toBeGreaterThan(20);
    await app.run('keys.rotate');
    const until = tokens.length + 40;
    await expect.poll(() => tokens.length).toBeGreaterThan(until);
    over.abort();
    await Promise.all(load);

    const fresh = createRemoteJWKSet(new URL(`${app.base}/oidc/jwks`));
    expect(await Promise.all(tokens.map((token) => accepts(token, cached)))).not.toContain(false);
    expect(await Promise.all(tokens.map((token) => accepts(token, fresh)))).not.toContain(false);
    expect(new Set(tokens.map(kidOf)).size).toBe(2);
  });

  test('takes effect before the command answers', async () => {
    const before = kidOf(await accessToken());
    await app.run('keys.rotate');
    expect(kidOf(await accessToken())).not.toBe(before);
  });
});

describe('an emergency', () => {
  test('removes every old key from the JWKS at once, and new tokens verify', async () => {
    const before = await published();
    const old = await accessToken();
    await app.run('keys.rotate', { immediately: true });
    const after = await published();
    const kids = (jwks: JSONWebKeySet) => jwks.keys.map(({ kid }) => kid);
    expect(kids(after).filter((kid) => kids(before).includes(kid))).toEqual([]);
    expect(await accepts(old, createLocalJWKSet(after))).toBe(false);
    expect(await accepts(await accessToken(), createLocalJWKSet(after))).toBe(true);
  });
});

test('the JWKS has public members only and may be cached for an hour at most', async () => {
  const answer = await fetch(`${app.base}/oidc/jwks`);
  const text = await answer.text();
  expect(text).not.toMatch(/"(d|p|q|dp|dq|qi|oth|k)":/);
  const [, seconds = '0'] = /max-age=(\d+)/.exec(answer.headers.get('cache-control') ?? '') ?? [];
  expect(Number(seconds)).toBeLessThanOrEqual(3600);
});

test('every key of the set names its use and its algorithm, and signatures are found by both (RFC 7517 §4.4)', async () => {
  const { keys } = (await (await fetch(`${app.base}/oidc/jwks`)).json()) as JSONWebKeySet;
  const metadata = (await (await fetch(`${app.base}/.well-known/openid-configuration`)).json()) as Record<
    string,
    unknown
  >;
  const supported = metadata['id_token_signing_alg_values_supported'] as string[];
  expect(new Set(keys.map(({ alg }) => alg))).toEqual(new Set(supported));
  expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length);
  for (const { use, alg } of keys) expect([use, supported.includes(alg ?? '')]).toEqual(['sig', true]);
});
