import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { SECOND, systemClock } from '#kernel/clock.ts';
import type { LineResult } from '#migration/import-service.ts';
import { startTestApp, type TestApp, type TestClient } from '../support/app.ts';
import { authorizeUrl, pkce, Visitor } from '../support/visitor.ts';

const secret = 'what-the-old-system-and-we-know-both';

type Asked = { headers: IncomingHttpHeaders; body: string };
type Answer = { status: number; body?: unknown; text?: string; delay?: number };

/** The system that people come from: a real server, which answers as `answer` says. */
let server: Server;
let url: string;
let asked: Asked[];
let answer: (email: string, password: string) => Answer;

let latchkey: TestApp;
let client: TestClient;
beforeAll(async () => {
  server = createServer((req, res) => {
    let body = '';
    req.on('data', (chunk: Buffer) => (body += String(chunk)));
    req.on('end', () => {
      asked.push({ headers: req.headers, body });
      const { email, password } = JSON.parse(body) as { email: string; password: string };
      const { status, body: value, text, delay = 0 } = answer(email, password);
      setTimeout(() => {
        res.writeHead(status, { 'content-type': 'application/json' });
        res.end(text ?? JSON.stringify(value ?? {}));
      }, delay);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/verify`;
  latchkey = await startTestApp({
    safeHashes: true,
    env: { MIGRATION_SECRET: secret, OUTBOUND_ALLOW: '127.0.0.1' },
    settings: { 'migration.verifyUrl': url, 'migration.verifySeconds': 1, 'limits.passwordFailuresPerAddress': 10_000 },
  });
  client = await latchkey.client();
});
afterAll(async () => {
  await latchkey.close();
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked = [];
  answer = (email, password) =>
    password === 'right where they were' && !email.startsWith('nobody')
      ? { status: 200, body: { email_verified: true, name: 'Ada', shoe_size: 41, properties: { plan: 'gold' } } }
      : { status: 401 };
});
afterEach(() => vi.useRealTimers());

const signIn = (email: string, password: string) =>
  new Visitor().signIn(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }), { email, password });
const rowOf = async (email: string) =>
  (
    await latchkey.app.database.sql(
      'select u.*, p.hash, p.scheme from users u left join password_credential p on p.user_id = u.id where email_canonical = $1',
      [email],
    )
  )[0];

describe('a user who was not imported', () => {
  test('is created when the old system accepts the password, and not asked about again', async () => {
    expect((await signIn('Ada@Old.example', 'right where they were')).get('code')).toMatch(/^lk_ac_/);
    expect(await rowOf('ada@old.example')).toMatchObject({
      email_verified: true,
      profile: { name: 'Ada' },
      properties: { plan: 'gold' },
      is_administrator: false,
      scheme: null,
      hash: expect.stringMatching(/^\$argon2id\$/),
    });
    expect(asked).toHaveLength(1);
    answer = () => ({ status: 500 });
    expect((await signIn('ada@old.example', 'right where they were')).get('code')).toMatch(/^lk_ac_/);
    await expect(signIn('ada@old.example', 'something else')).rejects.toThrow('refused');
    expect(asked).toHaveLength(1);
    const events = await latchkey.app.database.sql<{ type: string }>('select type from audit_record order by at, id');
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['user.created', 'user.migrated', 'user.signed_in']),
    );
  });

  test('is asked about in a request with a Standard Webhooks signature', async () => {
    await expect(signIn('nobody@old.example', 'wrong')).rejects.toThrow('refused');
    const [{ headers, body } = { headers: {}, body: '' }] = asked;
    expect(JSON.parse(body)).toEqual({ type: 'password.verify', email: 'nobody@old.example', password: 'wrong' });
    const signed = [headers['webhook-id'], headers['webhook-timestamp'], body].join('.');
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', secret).update(signed).digest('base64')}`);
    expect(Math.abs(Number(headers['webhook-timestamp']) - systemClock.now().getTime() / SECOND)).toBeLessThan(600);
  });

  test('is not created when the password is wrong', async () => {
    await expect(signIn('eve@old.example', 'wrong')).rejects.toThrow('refused');
    expect(await rowOf('eve@old.example')).toBeUndefined();
  });

  test('is created once from two browsers at once', async () => {
    const codes = await Promise.all([1, 2, 3].map(() => signIn('twice@old.example', 'right where they were')));
    expect(codes.map((back) => back.get('code'))).toEqual([1, 2, 3].map(() => expect.stringMatching(/^lk_ac_/)));
    expect(
      await latchkey.app.database.sql('select 1 from users where email_canonical = $1', ['twice@old.example']),
    ).toHaveLength(1);
  });

  test.each([
    ['says that the address is proven in words', { email_verified: 'true' }],
    ['sends a picture that is a program', { picture: 'javascript:alert(1)' }],
    ['sends a list', []],
  ])('is not created when the response %s', async (_what, body) => {
    answer = () => ({ status: 200, body });
    await expect(signIn('odd@old.example', 'right where they were')).rejects.toThrow('refused');
    expect(await rowOf('odd@old.example')).toBeUndefined();
    answer = () => ({ status: 404 });
    await expect(signIn('nobody@old.example', 'x')).rejects.toThrow('refused');
  });

  test('is never an administrator, whatever the response says', async () => {
    answer = () => ({
      status: 200,
      body: { administrator: true, roles: ['administrator'], is_administrator: true, id: 'usr_1' },
    });
    const email = 'boss@old.example';
    expect(
      await latchkey.app.passwords.verify({ userId: null, password: 'x', budget: email, identifier: email }),
    ).toMatchObject({
      kind: 'verified',
    });
    // Nobody vouched for the address either.
    expect(await rowOf(email)).toMatchObject({ is_administrator: false, email_verified: false, email_proof_due: true });
  });

  test('costs a try like any password: after five no request is sent', async () => {
    answer = () => ({ status: 401 });
    const { passwords } = latchkey.app;
    const tries = Array.from({ length: 100 }, (_, i) =>
      passwords.verify({
        userId: null,
        password: `guess ${i}`,
        budget: 'nobody:guessed@old.example',
        identifier: 'guessed@old.example',
      }),
    );
    const kinds = (await Promise.all(tries)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'wrong')).toHaveLength(5);
    expect(asked).toHaveLength(5);
  });
});

describe('a user who exists here', () => {
  test('is not asked about when disabled', async () => {
    const user = await latchkey.user();
    await latchkey.run('users.disable', { user_id: user.id });
    await expect(signIn(user.email, 'right where they were')).rejects.toThrow('refused');
    expect(asked).toEqual([]);
  });

  test('is not asked about without a password', async () => {
    const { results } = await latchkey.run<{ results: LineResult[] }>('users.import', {
      lines: [{ line: 1, record: { email: 'none@old.example' } }],
    });
    expect(results[0]?.outcome).toBe('created');
    await expect(signIn('none@old.example', 'right where they were')).rejects.toThrow('refused');
    expect(asked).toEqual([]);
  });

  test('is asked about if the import marked them for it, and has a password of ours afterwards', async () => {
    const record = {
      email: 'marked@old.example',
      email_verified: true,
      password_hash_format: 'old-system',
      name: 'As brought',
    };
    await latchkey.run('users.import', { lines: [{ line: 1, record }] });
    await expect(signIn('marked@old.example', 'wrong')).rejects.toThrow('refused');
    expect(await rowOf('marked@old.example')).toMatchObject({ scheme: 'old-system', hash: '' });
    expect((await signIn('marked@old.example', 'right where they were')).get('code')).toMatch(/^lk_ac_/);
    expect(await rowOf('marked@old.example')).toMatchObject({ scheme: null, profile: { name: 'As brought' } });
    expect(asked).toHaveLength(2);
  });
});

describe('an old system that fails', () => {
  test('is not asked for half a minute after five failures in a row, then once to test it', async () => {
    const ask = (email: string) =>
      latchkey.app.passwords.verify({
        userId: null,
        password: 'right where they were',
        budget: `nobody:${email}`,
        identifier: email,
      });
    const now = performance.timeOrigin + performance.now();
    vi.useFakeTimers({ toFake: ['Date'], now });
    answer = () => ({ status: 503 });
    for (let i = 0; i < 7; i += 1) expect((await ask(`fails${i}@old.example`)).kind).toBe('wrong');
    expect(asked).toHaveLength(5);
    vi.setSystemTime(now + 31 * SECOND);
    expect((await ask('fails8@old.example')).kind).toBe('wrong');
    expect((await ask('fails9@old.example')).kind).toBe('wrong');
    expect(asked).toHaveLength(6);
    vi.setSystemTime(now + 62 * SECOND);
    answer = () => ({ status: 200, body: {} });
    expect((await ask('back1@old.example')).kind).toBe('verified');
    expect((await ask('back2@old.example')).kind).toBe('verified');
  });

  test.each([
    ['is slow', () => ({ status: 200, delay: 1500 })],
    ['sends something else than JSON', () => ({ status: 200, text: '<html>' })],
    ['sends more than fits', () => ({ status: 200, text: JSON.stringify({ nickname: 'x'.repeat(100_000) }) })],
    ['redirects', () => ({ status: 302 })],
  ])('and %s accepts no password', async (_what, fails) => {
    answer = fails;
    await expect(signIn('nobody@old.example', 'right where they were')).rejects.toThrow('refused');
    expect(await rowOf('nobody@old.example')).toBeUndefined();
    answer = () => ({ status: 401 });
    await latchkey.app.passwords.verify({
      userId: null,
      password: 'x',
      budget: 'close it',
      identifier: 'close@old.example',
    });
  });
});

test('is not asked without an address, or without a secret', async () => {
  await latchkey.run('settings.update', { name: 'migration.verifyUrl', value: 'null' });
  await expect(signIn('off@old.example', 'right where they were')).rejects.toThrow('refused');
  const withoutSecret = await startTestApp({
    env: { OUTBOUND_ALLOW: '127.0.0.1' },
    settings: { 'migration.verifyUrl': url },
  });
  try {
    const outcome = await withoutSecret.app.passwords.verify({
      userId: null,
      password: 'right where they were',
      budget: 'x',
      identifier: 'off@old.example',
    });
    expect(outcome.kind).toBe('wrong');
  } finally {
    await withoutSecret.close();
  }
  expect(asked).toEqual([]);
});

test('receives no password at a private address unless OUTBOUND_ALLOW lists it', async () => {
  const guarded = await startTestApp({ env: { MIGRATION_SECRET: secret }, settings: { 'migration.verifyUrl': url } });
  try {
    const outcome = await guarded.app.passwords.verify({
      userId: null,
      password: 'right where they were',
      budget: 'x',
      identifier: 'ada@old.example',
    });
    expect(outcome.kind).toBe('wrong');
  } finally {
    await guarded.close();
  }
  expect(asked).toEqual([]);
});
