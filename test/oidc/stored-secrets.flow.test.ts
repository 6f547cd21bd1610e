import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLog } from '#kernel/log.ts';
import { KEY_PREFIX, openRedis } from '#kernel/redis/port.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { authorizeUrl, formsOf, pkce, post, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;

beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'oidc.registration': 'open' } });
});
afterAll(() => latchkey.close());

/** Every value of every table, as text. */
async function databaseText(): Promise<string> {
  const { database } = latchkey.app;
  const tables = await database.sql<{ name: string }>(
    `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
     where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'`,
  );
  const texts = await Promise.all(
    tables.map(async ({ name }) => {
      const [row] = await database.sql<{ text: string | null }>(
        `select string_agg(t::text, ' ') as text from ${name} t`,
      );
      return row?.text ?? '';
    }),
  );
  return texts.join(' ');
}

async function redisText(): Promise<string> {
  const redis = openRedis({ url: latchkey.config.redisUrl, log: createLog({ level: 'silent' }) });
  if (!redis) return '';
  await redis.connected(2000);
  const [, keys] = await redis.run((client) => client.scan(0, 'MATCH', `${KEY_PREFIX}*`, 'COUNT', 1_000_000));
  const values = await Promise.all(
    keys.map(async (key) => {
      const type = 'type' in redis.client ? await redis.client.type(key) : '';
      if (type === 'hash') return JSON.stringify(await redis.client.hgetall(key));
      return type === 'string' ? ((await redis.client.get(key)) ?? '') : '';
    }),
  );
  redis.close();
  return [...keys, ...values].join(' ');
}

/** A secret that an attacker could present: no store may contain it, neither as it is nor as hexadecimal bytes of a dump. */
function expectNowhere(secrets: Readonly<Record<string, string | undefined>>, text: string): void {
  for (const [name, secret] of Object.entries(secrets)) {
    if (!secret || secret.length < 8) throw new Error(`${name} is no secret: ${secret}`);
    expect(text.includes(secret), name).toBe(false);
    expect(text.includes(Buffer.from(secret).toString('hex')), `${name} in hex`).toBe(false);
  }
}

const cookiesOf = (visitor: Visitor): Record<string, string> =>
  Object.fromEntries(
    [...visitor.jar.values()]
      .filter(({ name }) => !name.endsWith('.sig') && !name.includes('csrf'))
      .map(({ name, path, value }) => [`cookie ${name} ${path}`, value]),
  );

describe('a thief of the database and of Redis', () => {
  test('finds no usable secret', async () => {
    const { base } = latchkey;
    const client = await latchkey.client({
      grant_types: [
        'authorization_code',
        'refresh_token',
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:device_code',
      ],
      scope: 'openid offline_access email',
    });
    const user = await latchkey.user();
    const secrets: Record<string, string | undefined> = {
      'client secret': client.client_secret,
      password: user.password,
    };

    // A sign-in by a pushed request, to its end.
    const visitor = new Visitor();
    const { verifier, challenge } = pkce();
    const parameters = {
      client_id: client.client_id,
      response_type: 'code',
      redirect_uri: client.redirect_uris[0] ?? '',
      scope: 'openid offline_access',
      prompt: 'consent',
      code_challenge: challenge,
      code_challenge_method: 'S256',
    };
    const pushed = await post(`${base}/oidc/par`, client, parameters);
    expect(pushed.body).toMatchObject({ request_uri: expect.any(String) });
    const requestUri = String(pushed.body['request_uri']);
    secrets['request_uri'] = requestUri.split(':').at(-1);
    const url = `${base}/oidc/auth?${new URLSearchParams({ client_id: client.client_id, request_uri: requestUri }).toString()}`;
    const first = await visitor.open(url);
    const inProgress = cookiesOf(visitor);
    expectNowhere({ ...secrets, ...inProgress }, `${await databaseText()} ${await redisText()}`);
    const password = await visitor.submit(first, { email: user.email });
    const consent = await visitor.submit(password, { password: user.password });
    Object.assign(inProgress, cookiesOf(visitor));
    expectNowhere({ ...secrets, ...inProgress }, `${await databaseText()} ${await redisText()}`);
    const end = await visitor.submit(consent, {}, 'allow');
    const code = new URL(end.location ?? '').searchParams.get('code') ?? '';
    secrets['code'] = code;
    Object.assign(secrets, inProgress, cookiesOf(visitor));
    const tokens = await post(`${base}/oidc/token`, client, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: client.redirect_uris[0] ?? '',
      code_verifier: verifier,
    });
    Object.assign(secrets, {
      'access token': tokens.body.access_token,
      'refresh token': tokens.body.refresh_token,
      'ID token': tokens.body.id_token,
    });
    const refreshed = await post(`${base}/oidc/token`, client, {
      grant_type: 'refresh_token',
      refresh_token: tokens.body.refresh_token,
    });
    Object.assign(secrets, {
      'next access token': refreshed.body.access_token,
      'next refresh token': refreshed.body.refresh_token,
    });

    // A sign-in whose proof is given and whose end is not asked for yet.
    const halfway = new Visitor();
    const page = await halfway.submit(await halfway.open(authorizeUrl(base, client, { code_challenge: challenge })), {
      email: user.email,
    });
    const [form] = formsOf(page);
    await halfway.request(form?.action ?? '', { form: { ...form?.fields, password: user.password } });
    Object.assign(secrets, cookiesOf(halfway));

    const machine = await post(`${base}/oidc/token`, client, { grant_type: 'client_credentials' });
    secrets['token of a machine'] = machine.body.access_token;

    const device = await post(`${base}/oidc/device/auth`, client, { scope: 'openid' });
    const userCode = String(device.body['user_code']);
    Object.assign(secrets, {
      'device code': String(device.body['device_code']),
      'user code': userCode,
      'user code without dash': userCode.replace('-', ''),
    });

    const registered = await fetch(`${base}/oidc/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: ['https://rp.example/cb'] }),
    });
    const registration = (await registered.json()) as Record<string, string>;
    Object.assign(secrets, {
      'registration access token': registration['registration_access_token'],
      'registered secret': registration['client_secret'],
    });

    const text = `${await databaseText()} ${await redisText()}`;
    // The dump shows what is stored.
    expect(text.includes(user.email)).toBe(true);
    if (latchkey.config.databaseUrl) expect(text.includes('/oidc/auth/{id}')).toBe(true);
    expectNowhere(secrets, text);
  });
});
