/** The way to a provider and back: which answers count, and how often; what a provider may do to a request. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MINUTE, SECOND } from '#kernel/clock.ts';
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
});
afterAll(async () => {
  await node.close();
  await upstream.close();
  await database.close();
});
beforeEach(async () => {
  await database.sql('delete from connection');
  await database.sql('delete from organization');
  await node?.close();
  node = connectionsOn(database, { upstream });
  upstream.asked.length = 0;
  upstream.openid(upstream.url, ({ body }) => ({
    iss: upstream.url,
    aud: 'latchkey',
    sub: 'user-1',
    exp: seconds() + 300,
    iat: seconds(),
    nonce: body.get('code'),
    email: 'nina@fernway.example',
    name: 'Nina Fernway',
  }));
});

const seconds = () => Math.floor(performance.timeOrigin / 1000 + performance.now() / 1000);
const connect = (slug = 'acme', more: object = {}) =>
  node.call('connections.create', {
    slug,
    provider: 'oidc',
    issuer: upstream.url,
    client_id: 'latchkey',
    client_secret: 'shared secret',
    ...more,
  });
const change = (members: object) => node.call('connections.update', { connection: 'acme', ...members });
const refused = (reason: string): unknown => expect.objectContaining({ kind: 'refused', reason });

/** A request, and the answer that a good provider gives. */
async function begin(connection = 'acme') {
  const { location, transaction } = await node.upstream.begin({ connection, purpose: 'sign-in' });
  const asked = new URL(location).searchParams;
  const parameters = new URLSearchParams({ code: asked.get('nonce')!, state: asked.get('state')! });
  return { connection, transaction, parameters };
}

describe('an answer', () => {
  test('counts once, on all nodes', async () => {
    await connect();
    const given = await begin();
    expect(await node.upstream.finish(given)).toMatchObject({ kind: 'profile' });
    expect(await node.upstream.finish(given)).toEqual(refused('replayed'));
    const other = connectionsOn(database, { upstream });
    expect(await other.upstream.finish(given)).toEqual(refused('replayed'));
    await other.close();
  });

  test('counts once when two come together', async () => {
    await connect();
    const given = await begin();
    const outcomes = await Promise.all([given, given, given, given].map((each) => node.upstream.finish(each)));
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['profile', 'refused', 'refused', 'refused']);
  });

  test('counts for ten minutes', async () => {
    await connect();
    const [early, late] = [await begin(), await begin()];
    node.clock.advance(10 * MINUTE);
    expect(await node.upstream.finish(early)).toMatchObject({ kind: 'profile' });
    node.clock.advance(1);
    expect(await node.upstream.finish(late)).toEqual(refused('expired'));
  });

  test.each<[string, (parameters: URLSearchParams) => void]>([
    ['without a state', (parameters) => parameters.delete('state')],
    ['with an empty state', (parameters) => parameters.set('state', '')],
    ['with another state', (parameters) => parameters.set('state', 'other')],
    ['with two states', (parameters) => parameters.append('state', 'other')],
  ])('%s is refused', async (_, alter) => {
    await connect();
    expect(await signInAt(node, 'acme', alter)).toEqual(refused('transaction'));
  });

  test('with the transaction of another sign-in is refused', async () => {
    await connect();
    const [mine, theirs] = [await begin(), await begin()];
    expect(await node.upstream.finish({ ...mine, parameters: theirs.parameters })).toEqual(refused('transaction'));
    expect(await node.upstream.finish({ ...theirs, transaction: mine.transaction })).toEqual(refused('transaction'));
  });

  test('of one connection is refused at another one (mix-up)', async () => {
    await connect('acme');
    await connect('evil');
    const given = await begin('acme');
    expect(await node.upstream.finish({ ...given, connection: 'evil' })).toEqual(refused('transaction'));
    expect(await node.upstream.finish(given)).toMatchObject({ kind: 'profile' });
  });

  test.each(['', 'text', 'lk1.a.b', 'x'.repeat(100_000)])(
    'with a transaction that is no such text is refused',
    async (text) => {
      await connect();
      expect(await node.upstream.finish({ ...(await begin()), transaction: text })).toEqual(refused('transaction'));
    },
  );

  test('with a transaction of another instance is refused', async () => {
    await connect();
    const other = connectionsOn(database, { upstream, secrets: ['another-secret-of-32-bytes-or-more'] });
    expect(await other.upstream.finish(await begin())).toEqual(refused('transaction'));
    await other.close();
  });

  test('of a connection that was deleted and made again is refused', async () => {
    await connect();
    const given = await begin();
    await node.call('connections.delete', { connection: 'acme' });
    expect(await node.upstream.finish(given)).toEqual(refused('disabled'));
    await connect();
    expect(await node.upstream.finish(await begin())).toMatchObject({ kind: 'profile' });
  });

  test.each<[string, object, string]>([
    ['disabled', { enabled: false }, 'disabled'],
    ['connected to another client', { client_id: 'other' }, 'changed'],
    ['given another secret', { client_secret: 'other' }, 'changed'],
    ['sent elsewhere', { issuer: 'https://other.example', client_secret: 'other' }, 'changed'],
    ['sent elsewhere without a secret', { issuer: 'https://other.example' }, 'disabled'],
    ['told to trust less', { trusts_email: false }, 'changed'],
  ])('of a connection that is %s meanwhile is refused', async (_, changed, reason) => {
    await connect();
    const given = await begin();
    await change(changed);
    expect(await node.upstream.finish(given)).toEqual(refused(reason));
    expect(upstream.asked.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  test('of a connection that has another name or position meanwhile is taken', async () => {
    await connect();
    const given = await begin();
    await change({ name: 'Acme', position: 7 });
    expect(await node.upstream.finish(given)).toMatchObject({ kind: 'profile' });
  });

  test.each(['access_denied', 'user_cancelled_authorize', 'user_cancelled_login'])(
    '%s is no error: the user turned back',
    async (error) => {
      await connect();
      const outcome = await signInAt(node, 'acme', (answer) => {
        answer.delete('code');
        answer.set('error', error);
      });
      expect(outcome).toEqual({ kind: 'cancelled', purpose: 'sign-in' });
    },
  );

  test.each(['server_error', 'invalid_scope', '<script>', 'access_denied '])(
    'with the error %s is refused',
    async (error) => {
      await connect();
      const outcome = await signInAt(node, 'acme', (answer) => answer.set('error', error));
      expect(outcome).toEqual(refused('upstream_error'));
    },
  );

  test.each<[string, (parameters: URLSearchParams) => void]>([
    ['without a code', (parameters) => parameters.delete('code')],
    ['with two codes', (parameters) => parameters.append('code', 'other')],
    ['with an ID token of its own', (parameters) => parameters.set('id_token', 'a.b.c')],
    ['of another response mode', (parameters) => parameters.set('response', 'a.b.c')],
    ['of another issuer', (parameters) => parameters.set('iss', 'https://other.example')],
  ])('%s is refused', async (_, alter) => {
    await connect();
    expect(await signInAt(node, 'acme', alter)).toEqual(refused('invalid_answer'));
  });

  test('that is refused is a line of the log without its values', async () => {
    await connect();
    await signInAt(node, 'acme', (answer) => answer.set('error', 'server_error'));
    expect(node.lines).toEqual([
      expect.objectContaining({ connection: 'acme', reason: 'upstream_error', upstream_error: 'server_error' }),
    ]);
  });
});

describe('a provider', () => {
  test.each([
    ['http://169.254.169.254'],
    ['https://169.254.169.254'],
    ['https://10.0.0.1'],
    ['https://[::1]'],
    ['https://127.0.0.2'],
    ['https://[::ffff:169.254.169.254]'],
    ['https://127.0.0.1:1'],
  ])('at %s is not asked', async (issuer) => {
    const strict = connectionsOn(database, { allow: [] });
    const settings = { provider: 'oidc', issuer, client_id: 'latchkey', client_secret: 'secret' };
    const created = strict.call('connections.create', { slug: 'inside', ...settings });
    if (issuer.startsWith('http:')) await expect(created).rejects.toMatchObject({ code: 'connections.invalid' });
    else {
      await created;
      const begun = strict.upstream.begin({ connection: 'inside', purpose: 'sign-in' });
      await expect(begun).rejects.toMatchObject({ code: 'connections.unreachable', status: 503 });
    }
    await strict.close();
  });

  test('whose discovery document names private addresses does not reach them', async () => {
    upstream.openid(upstream.url, () => ({}), {
      token_endpoint: 'https://169.254.169.254/token',
      jwks_uri: 'https://169.254.169.254/keys',
    });
    await connect();
    // Here every address is asked as it is.
    const direct = connectionsOn(database);
    expect(await signInAt(direct, 'acme')).toEqual(refused('unreachable'));
    await direct.close();
  });

  test('that redirects is not followed', async () => {
    await connect();
    upstream.answers[`${upstream.url}/token`] = () => ({
      status: 307,
      headers: { location: `${upstream.url}/elsewhere` },
    });
    expect(await signInAt(node, 'acme')).toMatchObject({ kind: 'refused' });
    expect(upstream.asked.map(({ url }) => new URL(url).pathname)).not.toContain('/elsewhere');
  });

  test.each<[string, Record<string, unknown>]>([
    ['of another issuer', { issuer: 'https://other.example' }],
    ['without an authorization endpoint', { authorization_endpoint: undefined }],
    ['with a script as authorization endpoint', { authorization_endpoint: 'javascript:alert(1)' }],
    ['with data as authorization endpoint', { authorization_endpoint: 'data:text/html,x' }],
    ['with a list as authorization endpoint', { authorization_endpoint: ['https://other.example'] }],
  ])('with a discovery document %s cannot be asked', async (_, metadata) => {
    upstream.openid(upstream.url, () => ({}), metadata);
    await connect();
    await expect(begin()).rejects.toMatchObject({ code: 'connections.unreachable' });
  });

  test.each<[string, { status?: number; text?: string; json?: unknown }]>([
    ['an error', { status: 500, text: 'down' }],
    ['no JSON', { text: '<html>' }],
    ['a list', { json: [] }],
    ['null', { json: null }],
    ['more than a document may have', { json: { pad: 'x'.repeat(400_000) } }],
    ['a compressed bomb without the header', { text: '\u001f\u008b' }],
  ])('that answers discovery with %s cannot be asked, and can be asked again later', async (_, answer) => {
    const address = `${upstream.url}/.well-known/openid-configuration`;
    const good = upstream.answers[address]!;
    await connect();
    upstream.answers[address] = () => answer;
    await expect(begin()).rejects.toMatchObject({ code: 'connections.unreachable' });
    upstream.answers[address] = good;
    await expect(begin()).rejects.toMatchObject({ code: 'connections.unreachable' });
    expect(upstream.asked.length).toBe(1);
    node.clock.advance(5 * SECOND);
    expect(await signInAt(node, 'acme')).toMatchObject({ kind: 'profile' });
  });

  test.each<[string, { status?: number; text?: string; json?: unknown }, string]>([
    ['an error of OAuth', { status: 400, json: { error: 'invalid_grant' } }, 'upstream_error'],
    ['an error of a proxy', { status: 502, text: 'bad gateway' }, 'invalid_answer'],
    ['no JSON', { text: 'token' }, 'invalid_answer'],
    ['an empty object', { json: {} }, 'invalid_answer'],
    ['a token of another type', { json: { access_token: 'a', token_type: 'mac' } }, 'invalid_answer'],
    ['more than a document may have', { json: { pad: 'x'.repeat(400_000) } }, 'invalid_answer'],
  ])('that answers a code with %s', async (_, answer, reason) => {
    await connect();
    upstream.answers[`${upstream.url}/token`] = () => ({ headers: { 'content-type': 'application/json' }, ...answer });
    expect(await signInAt(node, 'acme')).toEqual(refused(reason));
  });

  test('that is away', async () => {
    await connect();
    const given = await begin();
    const gone = connectionsOn(database, { upstream: { reach: () => 'http://127.0.0.1:9/' } });
    expect(await gone.upstream.finish(given)).toEqual(refused('unreachable'));
    await gone.close();
  });

  test('that never ends its answer is given up', async () => {
    await connect();
    upstream.answers[`${upstream.url}/token`] = () => new Promise(() => undefined);
    expect(await signInAt(node, 'acme')).toEqual(refused('unreachable'));
  });
});

describe('a connection that is not offered', () => {
  test.each<[string, object]>([
    ['disabled', { enabled: false }],
    ['without a secret', { client_secret: undefined }],
  ])('because it is %s cannot be begun', async (_, more) => {
    await connect('acme', more);
    await expect(begin()).rejects.toMatchObject({ code: 'connections.not_offered', status: 404 });
    expect(await node.upstream.offered({ organizationId: null })).toEqual([]);
  });

  test('because there is none cannot be begun', async () => {
    await expect(begin('nothing')).rejects.toMatchObject({ code: 'connections.not_offered' });
  });
});
