/** No secret of a sign-in reaches the log or the database in a form that is worth anything. */
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { readConfig } from '#kernel/config.ts';
import { openListener, type Listener } from '#kernel/http/listener.ts';
import { createLog } from '#kernel/log.ts';
import { runOperation } from '../../support/operations.ts';
import { type App, createApp } from '../../../src/app/app.ts';
import { freePort, password, redirectUri, testSecrets, type TestClient } from '../../support/app.ts';
import { openPglite } from '../../support/database.ts';
import { authorizeUrl, pkce, post, Visitor } from '../../support/visitor.ts';

let app: App;
let listener: Listener;
let logged = '';
const secrets = new Map<string, string>();

beforeAll(async () => {
  const destination = new Writable({
    write(chunk, _encoding, done) {
      logged += String(chunk);
      done();
    },
  });
  const config = readConfig({ PORT: String(await freePort()), LATCHKEY_SECRETS: testSecrets });
  app = await createApp({
    config,
    log: createLog({ level: 'trace', destination }),
    clock: systemClock,
    pglite: await openPglite(),
  });
  listener = await openListener(config, app.callback);
  const answer = async (name: string, input: unknown) => {
    const ran = await runOperation(app.operations, name, input);
    if (!ran.ok) throw new Error(ran.message);
    return ran.result as Record<string, string>;
  };
  const client = (await answer('clients.create', {
    name: 'Shop',
    type: 'web',
    redirect_uris: [redirectUri],
  })) as unknown as TestClient;
  const user = await answer('users.create', { email: 'canary@example.com', password });
  const { verifier, challenge } = pkce();
  const visitor = new Visitor();
  const back = await visitor.signIn(
    authorizeUrl(config.issuer, client, {
      code_challenge: challenge,
      scope: 'openid offline_access email',
      prompt: 'consent',
    }),
    { email: user['email'] ?? '', password },
  );
  const code = back.get('code') ?? '';
  const tokens = await post(`${config.issuer}/oidc/token`, client, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
  });
  const renewed = await post(`${config.issuer}/oidc/token`, client, {
    grant_type: 'refresh_token',
    refresh_token: tokens.body.refresh_token,
  });
  await fetch(`${config.issuer}/oidc/userinfo`, { headers: { authorization: `Bearer ${renewed.body.access_token}` } });
  await fetch(`${config.issuer}/oidc/auth?client_id=nobody&code=${code}&id_token_hint=${tokens.body.id_token}`);
  await post(
    `${config.issuer}/oidc/token`,
    { ...client, client_secret: 'wrong-secret-canary' },
    { grant_type: 'refresh_token', refresh_token: renewed.body.refresh_token },
  );
  await fetch(`${config.issuer}/setup/${'S'.repeat(43)}`);
  const setup = (await app.setup.openLink())?.split('/').at(-1) ?? '';
  const device = await post(`${config.issuer}/oidc/par`, client, {
    client_id: client.client_id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  });
  if (device.status !== 201) throw new Error(JSON.stringify(device.body));
  const entries: [string, string][] = [
    ['the password', password],
    ['the client secret', client.client_secret],
    ['a secret in an address', 'S'.repeat(43)],
    ['a wrong client secret', 'wrong-secret-canary'],
    ['the code', code],
    ['the code verifier', verifier],
    ['the first access token', tokens.body.access_token],
    ['the first refresh token', tokens.body.refresh_token],
    ['the second access token', renewed.body.access_token],
    ['the second refresh token', renewed.body.refresh_token],
    ['the signature of the ID token', tokens.body.id_token.split('.')[2] ?? ''],
    ['the link of the first administrator', setup],
    ['the pushed request', String(device.body['request_uri']).split(':').at(-1) ?? ''],
    ...[...visitor.jar.values()]
      .filter(({ name }) => /session|device|interaction/.test(name))
      .map(({ name, value }): [string, string] => [`the cookie ${name}`, value]),
  ];
  for (const [what, secret] of entries) secrets.set(what, secret);
});
afterAll(async () => {
  await listener.close(0);
  await app.close();
});

describe('secrets', () => {
  test('exist in this test', () => {
    expect(secrets.size).toBeGreaterThanOrEqual(15);
    for (const [what, secret] of secrets) expect(secret.length, what).toBeGreaterThanOrEqual(15);
    expect(logged.length).toBeGreaterThan(2000);
  });

  test('are in no line of the log', () => {
    expect([...secrets].filter(([, secret]) => logged.includes(secret)).map(([what]) => what)).toEqual([]);
  });

  test('are in no row of the database', async () => {
    const tables = await app.database.sql<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'public'`,
    );
    const leaks: string[] = [];
    for (const { name } of tables) {
      const rows = await app.database.sql<{ row: string }>(`select t::text as row from "${name}" t`);
      for (const [what, secret] of secrets) {
        const hex = Buffer.from(secret).toString('hex');
        if (rows.some(({ row }) => row.includes(secret) || row.includes(hex))) leaks.push(`${what} in ${name}`);
      }
    }
    expect(tables.length).toBeGreaterThan(10);
    expect(leaks).toEqual([]);
  });
});
