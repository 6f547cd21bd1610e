/** Connections that environment variables configure: made at a start, changed at a later one, and read-only for operations. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConnections } from '#connections/connection-variables.ts';
import { openTestDatabase } from '../support/database.ts';
import type { Database } from '#kernel/database.ts';
import { connectionsOn } from '../support/connections.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Visitor } from '../support/visitor.ts';

const P = 'LATCHKEY_CONNECTION_';

describe('variables', () => {
  test('are read by the slug in their names, also with hyphens and with names inside one another', () => {
    expect(
      readConnections({
        [`${P}GOOGLE_CLIENT_ID`]: 'g',
        [`${P}GOOGLE_CLIENT_SECRET`]: 's',
        [`${P}ACME_CORP_PROVIDER`]: 'oidc',
        [`${P}ACME_CORP_CLIENT_ID`]: 'a',
        [`${P}ACME_CORP_CLIENT_SECRET_FILE`]: '/run/secret',
        PORT: '1',
      }),
    ).toEqual([
      { slug: 'acme-corp', PROVIDER: 'oidc', CLIENT_ID: 'a', CLIENT_SECRET_FILE: '/run/secret' },
      { slug: 'google', CLIENT_ID: 'g', CLIENT_SECRET: 's' },
    ]);
  });

  test.each([
    [{ [`${P}GOOGLE_SECRET`]: 's' }, `${P}GOOGLE_SECRET is not known`],
    [{ [`${P}CLIENT_ID`]: 's' }, `${P}CLIENT_ID is not known`],
    [{ [`${P}GOOGLE_CLIENT_SECRET`]: 's' }, `${P}GOOGLE_CLIENT_ID is missing`],
    [
      { [`${P}X_CLIENT_ID`]: 'i', [`${P}X_CLIENT_SECRET`]: 's', [`${P}X_CLIENT_SECRET_FILE`]: 'f' },
      `${P}X_CLIENT_SECRET or ${P}X_CLIENT_SECRET_FILE, and not both`,
    ],
  ])('%j stop the start', (env, message) => {
    expect(readConnections(env as Record<string, string>)).toContain(message);
  });
});

describe('at a start', () => {
  let database: Database;
  let node: ReturnType<typeof connectionsOn>;
  beforeAll(async () => {
    database = await openTestDatabase();
    node = connectionsOn(database);
  });
  afterAll(async () => {
    await node?.close();
    await database?.close();
  });
  const apply = (env: Record<string, string>) => node.applyEnvironment(env);
  const google = { [`${P}GOOGLE_CLIENT_ID`]: 'first', [`${P}GOOGLE_CLIENT_SECRET`]: 'secret' };
  const read = () => node.call('connections.read', { connection: 'google' });

  test('a connection is made once, by several nodes too, and is read-only for operations as far as variables say', async () => {
    await Promise.all([apply(google), apply(google)]);
    await apply(google);
    expect(await read()).toMatchObject({
      provider: 'google',
      name: 'Google',
      client_id: 'first',
      has_client_secret: true,
      from_environment: true,
      trusts_email: true,
      status: 'offered',
    });
    expect(node.audit.types()).toEqual(['connection.created']);
    for (const change of [{ client_id: 'x' }, { client_secret: 'x' }, { name: 'x' }, { scopes: ['openid'] }])
      await expect(node.call('connections.update', { connection: 'google', ...change })).rejects.toThrow(
        /of_environment|Environment variables/,
      );
    await expect(node.call('connections.delete', { connection: 'google' })).rejects.toThrow(
      /of_environment|Environment variables/,
    );
    await node.call('connections.update', { connection: 'google', creates_users: false, position: 9 });
    await apply({ ...google, [`${P}GOOGLE_CLIENT_ID`]: 'second', [`${P}GOOGLE_NAME`]: 'Work' });
    expect(await read()).toMatchObject({ client_id: 'second', name: 'Work', creates_users: false, position: 9 });
  });

  test('a connection that an operator disabled stays disabled', async () => {
    await node.call('connections.update', { connection: 'google', enabled: false });
    await apply({ ...google, [`${P}GOOGLE_SCOPE`]: 'openid email' });
    expect(await read()).toMatchObject({ status: 'disabled', scopes: ['openid', 'email'] });
    await apply(google);
    expect(await read()).not.toHaveProperty('scopes');
  });

  test('a connection whose variables are gone is not offered, and operations change it again', async () => {
    await apply({});
    expect(await read()).toMatchObject({ from_environment: false, status: 'disabled' });
    await node.call('connections.update', { connection: 'google', client_id: 'own', enabled: true });
    // Variables that come back take it over.
    await apply(google);
    expect(await read()).toMatchObject({ client_id: 'first', from_environment: true, status: 'offered' });
  });

  test.each([
    [{ [`${P}ACME_SECRET`]: 'a' }, 'is not known'],
    [{ [`${P}ACME_CLIENT_ID`]: 'a' }, 'needs its variable PROVIDER'],
    [{ [`${P}ACME_CLIENT_ID`]: 'a', [`${P}ACME_PROVIDER`]: 'oidc' }, 'issuer must be given'],
    [{ [`${P}APPLE_CLIENT_ID`]: 'a', [`${P}APPLE_CLIENT_SECRET_FILE`]: '/nowhere' }, 'cannot be read'],
    [
      { [`${P}GOOGLE_CLIENT_ID`]: 'a', [`${P}GOOGLE_PROVIDER`]: 'oidc', [`${P}GOOGLE_ISSUER`]: 'https://a.example' },
      'another connection has this slug',
    ],
  ])('%j stop the start', async (env, message) => {
    await expect(apply({ ...google, ...env })).rejects.toThrow(message);
  });
});

describe('the product', () => {
  let latchkey: TestApp;
  beforeAll(async () => {
    latchkey = await startTestApp({
      env: { [`${P}GITHUB_CLIENT_ID`]: 'g', [`${P}GITHUB_CLIENT_SECRET`]: 'super secret' },
    });
  });
  afterAll(() => latchkey.close());

  test('offers it on the sign-in page, and stores its secret encrypted', async () => {
    const page = await new Visitor().open(`${latchkey.base}/account`);
    expect(page.text).toContain('/federation/github');
    const rows = await latchkey.app.database.sql<{ sealed_secret: string }>('select sealed_secret from connection');
    expect(rows.map((row) => row.sealed_secret.includes('super secret'))).toEqual([false]);
  });
});
