/** Addresses that clients name and this server asks: none leads inside, and whatever answers there is no fault of ours. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { createServer as createSocketServer, type AddressInfo, type Server as SocketServer } from 'node:net';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { authorizeUrl, pkce, post, tokensFor, Visitor } from '../../support/visitor.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k' };

async function authenticate(latchkey: TestApp, { client_id }: Pick<TestClient, 'client_id'>) {
  const client_assertion = await new SignJWT({
    iss: client_id,
    sub: client_id,
    aud: latchkey.base,
    jti: randomUUID(),
    exp: Math.floor(Date.now() / 1000) + 60,
  })
    .setProtectedHeader({ alg: 'ES256', kid: 'k' })
    .sign(privateKey);
  return post(
    `${latchkey.base}/oidc/token`,
    { client_id, client_secret: '' },
    {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion,
    },
  );
}

const robot = { type: 'machine', redirect_uris: [], token_endpoint_auth_method: 'private_key_jwt' };
const settings = { 'oidc.registration': 'open', 'limits.clientFailuresPerAddress': 100_000 };

describe('internal addresses', () => {
  let latchkey: TestApp;
  const listeners: SocketServer[] = [];
  let port = 0;
  let hits = 0;

  beforeAll(async () => {
    latchkey = await startTestApp({ settings });
    for (const host of ['127.0.0.1', '::1']) {
      const listener = createSocketServer((socket) => {
        hits += 1;
        socket.destroy();
      });
      const isOpen = await new Promise<boolean>((resolve) => {
        listener.once('error', () => resolve(false));
        listener.listen(port, host, () => resolve(true));
      });
      if (!isOpen) continue;
      port = (listener.address() as AddressInfo).port;
      listeners.push(listener);
    }
  });
  afterAll(async () => {
    for (const listener of listeners) listener.close();
    await latchkey.close();
  });

  const inside = [
    'http://127.0.0.1',
    'http://localhost',
    'https://127.0.0.1',
    'https://localhost',
    'https://localhost.',
    'https://LOCALHOST',
    'https://[::1]',
    'https://0.0.0.0',
    'https://[::]',
    'https://[::ffff:127.0.0.1]',
    'https://[::ffff:7f00:1]',
    'https://2130706433',
    'https://0x7f.1',
    'https://127.1',
    'https://0177.0.0.1',
    'https://①②⑦.0.0.1',
    'https://127。0。0。1',
  ];

  test.each(inside)('%s: no key is fetched from it', async (host) => {
    const before = hits;
    const made = await latchkey.client({ ...robot, jwks_uri: `${host}:${port}/jwks` }).catch(() => null);
    if (made) {
      const answer = await authenticate(latchkey, made);
      expect([answer.status, answer.body.error]).toEqual([401, 'invalid_client']);
    }
    expect(hits).toBe(before);
  });

  test.each(inside)('%s: no list of addresses is fetched from it', async (host) => {
    const before = hits;
    const answer = await fetch(`${latchkey.base}/oidc/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        redirect_uris: ['https://a.example/cb', 'https://b.example/cb'],
        subject_type: 'pairwise',
        sector_identifier_uri: `${host}:${port}/uris`,
      }),
    });
    expect(answer.status).toBe(400);
    expect(hits).toBe(before);
  });

  test('no request object is fetched', async () => {
    const before = hits;
    const client = await latchkey.client();
    for (const host of inside) {
      const url = authorizeUrl(latchkey.base, client, {
        code_challenge: pkce().challenge,
        request_uri: `${host}:${port}/request`,
      });
      const { location } = await new Visitor().request(url);
      if (location) expect(new URL(location).searchParams.get('error')).toMatch(/^request_uri_not_supported|invalid_/);
    }
    expect(hits).toBe(before);
  });

  test('an open port, a closed one, a missing host and a forbidden one give the same response', async () => {
    const targets = [
      `https://127.0.0.1:${port}/`,
      'https://127.0.0.1:9/',
      'https://nobody.invalid/',
      'https://169.254.169.254/latest/meta-data',
      'https://10.0.0.1/',
    ];
    const answers = new Set<string>();
    for (const jwks_uri of targets) {
      const { status, body } = await authenticate(latchkey, await latchkey.client({ ...robot, jwks_uri }));
      answers.add(JSON.stringify([status, body]));
    }
    expect([...answers]).toHaveLength(1);
    expect([...answers][0]).not.toMatch(/ECONN|ENOTFOUND|address|private|refused|127|connect/i);
  });
});

describe('any response of a key server', () => {
  let latchkey: TestApp;
  let server: Server;
  let base = '';
  const asked: string[] = [];

  const keySets: Record<string, () => [number, string, Record<string, string>?]> = {
    good: () => [200, JSON.stringify({ keys: [jwk] })],
    mixed: () => [200, JSON.stringify({ keys: [null, { kty: 'EC' }, { ...jwk, x: 'AAAA' }, jwk, { kty: 'new' }] })],
    null: () => [200, 'null'],
    list: () => [200, '[]'],
    text: () => [200, '"keys"'],
    empty: () => [200, ''],
    broken: () => [200, '{"keys":['],
    page: () => [200, '<html>', { 'content-type': 'text/html' }],
    'no keys': () => [200, '{}'],
    'null keys': () => [200, '{"keys":null}'],
    'keys as text': () => [200, '{"keys":"x"}'],
    'keys as object': () => [200, '{"keys":{"length":1,"0":{}}}'],
    'odd keys': () => [200, '{"keys":[null,1,"x",[],{},{"kty":1},{"kty":"EC"},{"kty":"EC","crv":{"toString":1}}]}'],
    'a secret for a key': () => [200, '{"keys":[{"kty":"oct","k":"AAAA","kid":"k","alg":"HS256"}]}'],
    'another key of that name': () => [200, JSON.stringify({ keys: [{ ...jwk, x: jwk.y, y: jwk.x }] })],
    'a point off the curve': () => [200, JSON.stringify({ keys: [{ ...jwk, x: 'AAAA' }] })],
    'a hidden member': () => [200, `{"__proto__":{"keys":[${JSON.stringify(jwk)}]}}`],
    'ten thousand keys': () => [200, JSON.stringify({ keys: Array.from({ length: 10_000 }, () => jwk) })],
    'deep nesting': () => [200, `{"keys":${'['.repeat(30_000)}${']'.repeat(30_000)}}`],
    'the private half': () => [200, JSON.stringify({ keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'k' }] })],
    missing: () => [404, 'no'],
    fault: () => [500, 'no'],
    redirect: () => [302, '', { location: '/good' }],
    'redirect, kept method': () => [307, '', { location: `${base}/good` }],
    packed: () => [200, 'not gzip', { 'content-encoding': 'gzip' }],
    'ever younger': () => [200, '{}', { 'cache-control': 'max-age=-1, max-age="', expires: 'x', age: 'x' }],
  };

  beforeAll(async () => {
    server = createServer((req, res) => {
      const name = decodeURIComponent(req.url?.slice(1) ?? '');
      asked.push(name);
      const [status, body, headers] = keySets[name]?.() ?? [404, ''];
      res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    });
    await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    latchkey = await startTestApp({ settings, env: { OUTBOUND_ALLOW: '127.0.0.1' } });
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await latchkey.close();
  });

  test('with the right keys authenticates the client', async () => {
    const client = await latchkey.client({ ...robot, jwks_uri: `${base}/good` });
    expect((await authenticate(latchkey, client)).status).toBe(200);
  });

  test.each(Object.keys(keySets).filter((name) => name !== 'good' && name !== 'mixed'))(
    '%s: authenticates no client',
    async (name) => {
      const client = await latchkey.client({ ...robot, jwks_uri: `${base}/${encodeURIComponent(name)}` });
      asked.length = 0;
      const answer = await authenticate(latchkey, client);
      expect([answer.status, answer.body.error]).toEqual([401, 'invalid_client']);
      expect(JSON.stringify(answer.body)).not.toContain(base);
      expect(asked).not.toContain('good');
    },
  );

  test('with a good key among odd ones authenticates the client (RFC 7517 §5)', async () => {
    const client = await latchkey.client({ ...robot, jwks_uri: `${base}/mixed` });
    expect((await authenticate(latchkey, client)).status).toBe(200);
  });

  test.each(Object.keys(keySets).filter((name) => name !== 'good' && name !== 'mixed'))(
    '%s: leaves no key for encryption',
    async (name) => {
      const client = await latchkey.client({
        id_token_encrypted_response_alg: 'ECDH-ES',
        first_party: true,
        jwks_uri: `${base}/${encodeURIComponent(name)}`,
      });
      await expect(tokensFor(latchkey.base, client, await latchkey.user())).rejects.toThrow(/no tokens: .*invalid_/);
    },
  );
});
