import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import { FOUND_FRESH_FOR } from '../../src/oidc/lifetimes.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { post, tokensFor } from '../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
let statements: string[] = [];

beforeAll(async () => {
  latchkey = await startTestApp();
  const { database } = latchkey.app;
  const native = (database.pglite ?? database.pool)! as unknown as { query(...args: unknown[]): unknown };
  const query = native.query.bind(native);
  native.query = (...args) => {
    const [first] = args;
    const text = typeof first === 'string' ? first : (first as { text: string }).text;
    if (/oidc_artifact|from users|from client|api_resource|consent/.test(text) && !/pgboss|latchkey_jobs/.test(text))
      statements.push(text);
    return query(...args);
  };
  client = await latchkey.client({
    first_party: true,
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  });
  user = await latchkey.user();
});
afterAll(() => latchkey.close());
beforeEach(() => {
  statements = [];
});

async function costOf(work: () => Promise<unknown>): Promise<string[]> {
  // Values that are cached for seconds are not counted.
  await post(`${latchkey.base}/oidc/introspect`, client, { token: 'nothing' });
  statements = [];
  await work();
  return statements.map((text) => text.trim().replace(/\s+/g, ' ').slice(0, 60));
}

const introspect = (token: string) => post(`${latchkey.base}/oidc/introspect`, client, { token });
const userinfo = (token: string) =>
  fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${token}` } });

/** A token that was issued a moment ago is in memory. */
async function olderTokens() {
  const tokens = await tokensFor(latchkey.base, client, user);
  await delay(FOUND_FRESH_FOR);
  return tokens;
}

describe('the number of statements of', () => {
  test('an introspection: one for a token with its grant and session, the user is in memory; none a moment later', async () => {
    const { access_token: token } = await olderTokens();
    expect(await costOf(() => introspect(token))).toHaveLength(1);
    expect(await costOf(() => introspect(token))).toEqual([]);
    const { access_token: other } = await olderTokens();
    expect(await costOf(() => introspect(other))).toHaveLength(1);
  });

  test('an introspection of a token that cannot be ours: none', async () => {
    for (const token of ['x', 'lk_at_', `lk_at_${'a'.repeat(49)}`, 'lk_xx_123456'])
      expect(await costOf(() => introspect(token))).toEqual([]);
  });

  test('userinfo: one for the token, the user is in memory; none right after the token was issued', async () => {
    const { access_token: older } = await olderTokens();
    expect(await costOf(() => userinfo(older))).toHaveLength(1);
    const { access_token: token } = await tokensFor(latchkey.base, client, user);
    expect(await costOf(() => userinfo(token))).toEqual([]);
  });

  test('a refresh: find, and one that uses the old token up and stores both new ones', async () => {
    const { refresh_token } = await tokensFor(latchkey.base, client, user, {
      scope: 'openid offline_access',
      prompt: 'consent',
    });
    const cost = await costOf(() =>
      post(`${latchkey.base}/oidc/token`, client, { grant_type: 'refresh_token', refresh_token }),
    );
    expect(cost).toHaveLength(2);
  });

  test('a machine token: one at most', async () => {
    const cost = await costOf(() => post(`${latchkey.base}/oidc/token`, client, { grant_type: 'client_credentials' }));
    expect(cost.length).toBeLessThanOrEqual(1);
  });
});
