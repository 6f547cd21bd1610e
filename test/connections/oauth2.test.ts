/** A provider of OAuth 2.0 that is in no table: a connection names its endpoints and where its API has the claims. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '#kernel/database.ts';
import { connectionsOn, signInAt } from '../support/connections.ts';
import { openTestDatabase } from '../support/database.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let database: Database;
let upstream: Upstream;
let node: ReturnType<typeof connectionsOn>;

beforeAll(async () => {
  database = await openTestDatabase();
  upstream = await startUpstream();
  node = connectionsOn(database, { upstream });
});
afterAll(async () => {
  await node.close();
  await upstream.close();
  await database.close();
});
beforeEach(async () => {
  await database.sql('delete from connection');
  upstream.answers[`${upstream.url}/token`] = { access_token: 'upstream-access-token', token_type: 'Bearer' };
});

const connect = (more: object = {}) =>
  node.call('connections.create', {
    slug: 'acme',
    provider: 'oauth2',
    client_id: 'latchkey',
    client_secret: 'shared secret',
    authorization_endpoint: `${upstream.url}/authorize`,
    token_endpoint: `${upstream.url}/token`,
    userinfo_endpoint: `${upstream.url}/me`,
    ...more,
  });
const answer = (json: unknown) => void (upstream.answers[`${upstream.url}/me`] = () => ({ json }));

describe('the API of a provider', () => {
  test('may use the names of OpenID Connect', async () => {
    await connect({ trusts_email: true, scopes: ['user', 'email'] });
    answer({ sub: 'user-1', name: 'Nina', email: 'nina@fernway.example', email_verified: true });
    expect(await signInAt(node, 'acme')).toMatchObject({
      profile: {
        issuer: upstream.url,
        subject: 'user-1',
        name: 'Nina',
        email: { address: 'nina@fernway.example', isTrusted: true },
      },
    });
  });

  test('may use others, on any level', async () => {
    const claims = {
      sub: 'data.user.id',
      email: 'data.mail',
      email_verified: 'https://acme.example/verified',
      name: 'data.user.full.name',
      locale: 'data.none.at.all',
    };
    await connect({ trusts_email: true, claims });
    answer({
      data: { user: { id: 'u-1', full: { name: 'Nina' } }, mail: 'nina@fernway.example', none: null },
      'https://acme.example/verified': true,
      name: 'not this one',
    });
    expect(await signInAt(node, 'acme')).toMatchObject({
      profile: { subject: 'u-1', name: 'Nina', locale: null, email: { isTrusted: true } },
    });
  });

  test.each(['__proto__.polluted', 'constructor.name', 'toString', 'data.length', 'data.0'])(
    'has no claim %s by itself',
    async (sub) => {
      await connect({ claims: { sub } });
      answer({ data: ['user-1'], sub: 'user-1' });
      expect(await signInAt(node, 'acme')).toMatchObject({ kind: 'refused', reason: 'subject' });
    },
  );

  test.each<[string, unknown]>([
    ['a number', { sub: 7 }],
    ['null', { sub: null }],
    ['nothing', {}],
    ['a list of users', [{ sub: 'user-1' }]],
    ['null as a whole', null],
    ['a text', 'user-1'],
  ])('that answers %s says nothing about the user', async (_, json) => {
    await connect();
    answer(json);
    expect(await signInAt(node, 'acme')).toMatchObject({ kind: 'refused', reason: 'subject' });
  });

  test.each<[string, { status?: number; headers?: Record<string, string>; text?: string }]>([
    ['401', { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }],
    ['403', { status: 403 }],
    ['500', { status: 500 }],
    ['a redirect', { status: 302, headers: { location: 'https://other.example' } }],
    ['HTML', { text: '<html>' }],
    ['more than a document may have', { text: `{"sub":"user-1","pad":"${'x'.repeat(400_000)}"}` }],
  ])('that answers with %s is refused', async (_, given) => {
    await connect();
    upstream.answers[`${upstream.url}/me`] = () => given;
    expect(await signInAt(node, 'acme')).toMatchObject({ kind: 'refused', reason: 'invalid_answer' });
  });

  test('may be asked by a public client', async () => {
    await connect({ client_authentication: 'none', client_secret: undefined });
    answer({ sub: 'user-1' });
    expect(await signInAt(node, 'acme')).toMatchObject({ kind: 'profile' });
    const exchange = upstream.asked.findLast(({ method }) => method === 'POST')!;
    expect(exchange.headers.authorization).toBeUndefined();
    expect(exchange.body.get('client_id')).toBe('latchkey');
  });
});
