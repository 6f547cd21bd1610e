/** Conditions (RFC 9110 §13) and idempotency keys: of writers who mean one version one wins, and a request that is repeated has its effect once. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKeyRing } from '#kernel/crypto.ts';
import { createApiStores } from '#api/module.ts';
import { entityTagOf } from '../../src/api/preconditions/entity-tag.ts';
import { callApi, clientTokens, machineWith, refusalOf } from '../support/api.ts';
import { startTestApp, testSecrets, type TestApp, type TestClient } from '../support/app.ts';
import { testClock } from '../support/clock.ts';
import { type Node, startNode } from '../support/nodes.ts';

let latchkey: TestApp;
let robot: TestClient;
let token: string;
let other: Node | undefined;
const scopes =
  'organizations.create organizations.read organizations.manage organization.read organization.manage organization.members.read organization.members.manage organization.clients.manage users.read users.manage';
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.apiCallsPerMinute': 100_000 } });
  robot = await machineWith(latchkey, '*');
  ({ access_token: token } = await clientTokens(latchkey, robot, { scope: scopes }));
  if (latchkey.config.databaseUrl) other = await startNode(latchkey);
});
afterAll(async () => {
  await other?.stop();
  await latchkey?.close();
});

type Sent = { headers?: Record<string, string>; json?: unknown; body?: string; token?: string };
const call = (method: string, path: string, sent: Sent = {}) =>
  callApi(latchkey, `/v1${path}`, { method, token, ...sent });
const post = (path: string, key: string, json: unknown = {}, sent: Sent = {}) =>
  call('POST', path, { json, ...sent, headers: { 'idempotency-key': key, ...sent.headers } });

let made = 0;
async function newOrganization() {
  const { body } = await call('POST', '/organizations', { json: { name: `Org ${(made += 1)}` } });
  const path = `/organizations/${String(body['id'])}`;
  const read = await call('GET', path);
  return { id: String(body['id']), path, tag: read.headers.get('etag')! };
}
const nameOf = async (path: string) => (await call('GET', path)).body['name'];

describe('a read', () => {
  test('has a strong entity tag, which changes with the object', async () => {
    const { path, tag } = await newOrganization();
    expect(tag).toMatch(/^"[\w-]{43}"$/);
    expect((await call('GET', path)).headers.get('etag')).toBe(tag);
    const changed = await call('PATCH', path, { json: { name: 'Changed' } });
    const after = (await call('GET', path)).headers.get('etag');
    expect(after).not.toBe(tag);
    expect(changed.headers.get('etag')).toBe(after);
  });

  test('has the same tag after a use of the object', () => {
    const user = (lastActive: string | null, name = 'Ada') =>
      entityTagOf(
        JSON.stringify({ id: 'usr_1', last_active_at: lastActive, name, keys: [{ last_used_at: lastActive }] }),
      );
    expect(user('2026-01-31T12:00:00.000Z')).toBe(user(null));
    expect(user(null, 'Noor')).not.toBe(user(null));
    const hostile = '"last_active_at":null,';
    expect(user(null, hostile)).not.toBe(user(null, ''));
  });

  test.each<[string, (tag: string) => string, number]>([
    ['its tag', (tag) => tag, 304],
    ['its tag, weak', (tag) => `W/${tag}`, 304],
    ['its tag among others', (tag) => `"a", ${tag}`, 304],
    ['any', () => '*', 304],
    ['another tag', () => '"a"', 200],
    ['no tag', () => 'a', 400],
  ])('with If-None-Match of %s', async (_what, condition, status) => {
    const { path, tag } = await newOrganization();
    const answer = await call('GET', path, { headers: { 'if-none-match': condition(tag) } });
    expect(answer.status).toBe(status);
    if (status === 304) {
      expect(answer.body).toEqual({ text: '' });
      expect([answer.headers.get('etag'), answer.headers.get('content-type')]).toEqual([tag, null]);
      expect(answer.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
    }
  });
});

describe('a change', () => {
  const stale = [412, 'api.precondition_failed'] as const;
  const invalid = [400, 'api.precondition_invalid'] as const;
  test.each<[string, string, (tag: string) => string, readonly [number, unknown]]>([
    ['the tag of the object', 'if-match', (tag) => tag, [200, undefined]],
    ['its tag among others', 'if-match', (tag) => `"a",${tag}`, [200, undefined]],
    ['any', 'if-match', () => '*', [200, undefined]],
    ['another tag', 'if-match', () => '"a"', stale],
    ['its tag, weak', 'if-match', (tag) => `W/${tag}`, stale],
    ['a text without quotes', 'if-match', (tag) => tag.slice(1, -1), invalid],
    ['half a tag', 'if-match', () => '"a', invalid],
    ['nothing', 'if-match', () => '', invalid],
    ['more tags than there are versions', 'if-match', () => Array(40).fill('"a"').join(), invalid],
    ['the tag of the object', 'if-none-match', (tag) => tag, stale],
    ['any', 'if-none-match', () => '*', stale],
    ['another tag', 'if-none-match', () => '"a"', [200, undefined]],
  ])('with %s in %s', async (_what, header, condition, expected) => {
    const { path, tag } = await newOrganization();
    const before = await nameOf(path);
    const answer = await call('PATCH', path, { json: { name: 'Changed' }, headers: { [header]: condition(tag) } });
    expect(refusalOf(answer)).toEqual(expected);
    expect(await nameOf(path)).toBe(answer.status === 200 ? 'Changed' : before);
  });

  test('that makes an object takes If-None-Match where there is none yet', async () => {
    const { id } = await newOrganization();
    const { client_id } = await latchkey.client({ type: 'machine', redirect_uris: undefined });
    const allow = async (client: string, headers: Record<string, string>) =>
      refusalOf(await call('POST', `/organizations/${id}/clients/${client}/allow`, { headers }));
    expect(await allow(client_id, { 'if-match': '"a"' })).toEqual(stale);
    expect(await allow('unknown', { 'if-none-match': '*' })).toEqual([404, 'organizations.client_unknown']);
    expect(await allow(client_id, { 'if-none-match': '*' })).toEqual([200, undefined]);
    expect(await allow(client_id, { 'if-none-match': '*' })).toEqual(stale);
  });

  test('by a verb, and an end, are conditional too', async () => {
    const { id, path, tag } = await newOrganization();
    await call('PATCH', path, { json: { name: 'Changed' } });
    const headers = { 'if-match': tag };
    expect(refusalOf(await call('POST', `${path}/suspend`, { headers }))).toEqual(stale);
    expect((await call('GET', path)).body['status']).toBe('active');
    const { id: user_id } = await latchkey.user();
    await latchkey.run('organizations.members.create', { organization_id: id, user_id });
    const member = `${path}/members/${user_id}`;
    const ofMember = (await call('GET', member)).headers.get('etag')!;
    expect(refusalOf(await call('DELETE', member, { headers }))).toEqual(stale);
    expect((await call('DELETE', member, { headers: { 'if-match': ofMember } })).status).toBe(200);
    expect(refusalOf(await call('DELETE', member, { headers: { 'if-match': ofMember } }))[0]).toBe(404);
  });

  test.each([
    ['GET', '/organizations'],
    ['POST', '/organizations'],
  ])('%s %s has no object whose tag it could name', async (method, path) => {
    const answer = await call(method, path, {
      headers: { 'if-match': '"a"' },
      ...(method === 'POST' ? { json: { name: 'Acme' } } : {}),
    });
    expect(refusalOf(answer)).toEqual([400, 'api.precondition_not_taken']);
  });

  test('wrong input is named before the condition', async () => {
    const { path } = await newOrganization();
    const answer = await call('PATCH', path, { json: { nome: 'x' }, headers: { 'if-match': '"a"' } });
    expect(refusalOf(answer)).toEqual([422, 'input.invalid']);
  });

  test('is compared only for a caller who may read', async () => {
    const { path, tag } = await newOrganization();
    const { access_token: writer } = await clientTokens(latchkey, robot, { scope: 'organization.manage' });
    const change = (condition: string) =>
      call('PATCH', path, { json: { name: 'Changed' }, token: writer, headers: { 'if-match': condition } });
    const refused = await change(tag);
    expect(refusalOf(refused)).toEqual([403, 'api.insufficient_scope']);
    expect(refused.body['scope']).toBe('organization.read');
    const done = await change('*');
    expect([done.status, done.headers.get('etag')]).toEqual([200, null]);
  });

  test('is a merge patch in JSON, and nothing else', async () => {
    const { path } = await newOrganization();
    const patch = (type: string) =>
      call('PATCH', path, { body: '{"name":"Changed"}', headers: { 'content-type': type } });
    expect((await patch('application/merge-patch+json')).status).toBe(200);
    expect((await patch('application/json')).status).toBe(200);
    for (const type of ['text/plain', 'application/json-patch+json']) {
      const refused = await patch(type);
      expect(refusalOf(refused)).toEqual([415, 'request.unsupported_media_type']);
      expect(refused.headers.get('accept-patch')).toBe('application/merge-patch+json, application/json');
    }
  });
});

/** Each call goes to the next node, if there are two. */
async function send(turn: number, method: string, path: string, json: object, headers: Record<string, string>) {
  if (!other || turn % 2 === 0) return call(method, path, { json, headers });
  const { status, body } = await other.send(`/api/v1${path}`, {
    method,
    json,
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
  return { status, body: body as Record<string, unknown> };
}
const tally = (answers: readonly { status: number }[]) =>
  Object.fromEntries([...Map.groupBy(answers, ({ status }) => status)].map(([status, all]) => [status, all.length]));
const every = <T>(count: number, work: (turn: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, turn) => work(turn)));

describe('writers at the same time', () => {
  test('who name one version: one wins', async () => {
    const { path, tag } = await newOrganization();
    const answers = await every(10, (turn) =>
      send(turn, 'PATCH', path, { name: `Writer ${turn}` }, { 'if-match': tag }),
    );
    expect(tally(answers)).toEqual({ 200: 1, 412: 9 });
    expect(await nameOf(path)).toBe(`Writer ${answers.findIndex(({ status }) => status === 200)}`);
  });

  test('with and without a condition: no change is lost under a condition', async () => {
    const { path, tag } = await newOrganization();
    const answers = await every(10, (turn) =>
      send(turn, 'PATCH', path, { name: `Writer ${turn}` }, turn < 5 ? { 'if-match': tag } : {}),
    );
    expect(answers.slice(5).map(({ status }) => status)).toEqual(Array(5).fill(200));
    expect(answers.slice(0, 5).filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
  });

  test('wait for a turn, and say when to come back', async () => {
    const { path } = await newOrganization();
    const hold = (expires: Date) =>
      latchkey.app.database.sql('insert into api_object_turn (object, holder, expires_at) values ($1, $2, $3)', [
        `/api/v1${path}`,
        'another call',
        expires,
      ]);
    await hold(new Date(Date.now() + 20_000));
    const busy = await call('PATCH', path, { json: { name: 'Changed' } });
    expect(refusalOf(busy)).toEqual([409, 'api.object_busy']);
    expect(busy.headers.get('retry-after')).toBe('1');
    await latchkey.app.database.sql('delete from api_object_turn');
    // Of a process that ended in its turn.
    await hold(new Date(Date.now() - 1));
    expect((await call('PATCH', path, { json: { name: 'Changed' } })).status).toBe(200);
    expect(await latchkey.app.database.sql('select 1 from api_object_turn')).toEqual([]);
  });
});

describe('an idempotency key', () => {
  test('gives the same answer to the same request, and one effect', async () => {
    const first = await post('/organizations', 'one', { name: 'Only once' });
    expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([201, null]);
    expect(first.headers.get('location')).toBe(`${latchkey.base}/api/v1/organizations/${String(first.body['id'])}`);
    for (const key of ['one', '"one"']) {
      const again = await post('/organizations', key, { name: 'Only once' });
      expect([again.status, again.body, again.headers.get('idempotency-replayed')]).toEqual([201, first.body, 'true']);
      expect(again.headers.get('location')).toBe(first.headers.get('location'));
      expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
    }
    const all = await latchkey.app.database.sql(`select 1 from organization where name = 'Only once'`);
    expect(all).toHaveLength(1);
  });

  test.each<[string, string, object]>([
    ['another body', '/organizations', { name: 'Other' }],
    ['another address', '/organizations/org_01h455vb4pex5vsknk084sn02q/suspend', {}],
  ])('is refused with %s', async (_what, path, json) => {
    const key = `reused ${path} ${JSON.stringify(json)}`.replaceAll(' ', '.');
    await post('/organizations', key, { name: 'First' });
    expect(refusalOf(await post(path, key, json))).toEqual([422, 'api.idempotency_key_reused']);
  });

  test('of another caller is another key', async () => {
    const { access_token } = await clientTokens(latchkey, await machineWith(latchkey, '*'), { scope: scopes });
    const mine = await post('/organizations', 'shared', { name: 'Mine' });
    const theirs = await post('/organizations', 'shared', { name: 'Mine' }, { token: access_token });
    expect([theirs.status, theirs.headers.get('idempotency-replayed')]).toEqual([201, null]);
    expect(theirs.body['id']).not.toBe(mine.body['id']);
  });

  test.each(['', '""', 'a b', 'x'.repeat(256), 'ä', ['a', 'b']])('%j is none', async (key) => {
    const sent = request(`${latchkey.base}/api/v1/organizations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': key },
    });
    sent.end('{"name":"Never"}');
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    const text = (await answer.setEncoding('utf8').toArray()).join('');
    expect([answer.statusCode, JSON.parse(text)]).toMatchObject([400, { code: 'api.idempotency_key_invalid' }]);
  });

  test('keeps a refusal of the operation', async () => {
    const { path } = await newOrganization();
    const { id: user_id } = await latchkey.user();
    await post(`${path}/members`, 'join', { user_id });
    const refused = await post(`${path}/members`, 'join-again', { user_id });
    expect(refused.status).toBe(409);
    await call('DELETE', `${path}/members/${user_id}`);
    const again = await post(`${path}/members`, 'join-again', { user_id });
    expect(refusalOf(again)).toEqual(refusalOf(refused));
    expect([again.body['detail'], again.headers.get('idempotency-replayed')]).toEqual([refused.body['detail'], 'true']);
    expect(again.body['requestId']).toBe(again.headers.get('x-request-id'));
    expect((await post(`${path}/members`, 'join-at-last', { user_id })).status).toBe(201);
  });

  test('is free after a refusal of input, of rights and of a condition', async () => {
    const { access_token: reader } = await clientTokens(latchkey, robot, { scope: 'organization.read' });
    expect((await post('/organizations', 'free', { nome: 'x' })).status).toBe(422);
    expect((await post('/organizations', 'free', { name: 'Free' }, { token: reader })).status).toBe(403);
    expect((await post('/organizations', 'free', { name: 'Free' }, { headers: { 'if-match': '"a"' } })).status).toBe(
      400,
    );
    const { path } = await newOrganization();
    const stale = await post(`${path}/suspend`, 'free', {}, { headers: { 'if-match': '"a"' } });
    expect(stale.status).toBe(412);
    expect((await post('/organizations', 'free', { name: 'Free' })).status).toBe(201);
  });

  test('opens nothing to a caller who has lost the right', async () => {
    const { access_token: reader } = await clientTokens(latchkey, robot, { scope: 'organization.read' });
    expect((await post('/organizations', 'rights', { name: 'Rights' })).status).toBe(201);
    expect(refusalOf(await post('/organizations', 'rights', { name: 'Rights' }, { token: reader }))).toEqual([
      403,
      'api.insufficient_scope',
    ]);
  });

  test('of fifty requests at once makes one object', async () => {
    const answers = await every(50, (turn) =>
      send(turn, 'POST', '/organizations', { name: 'Race' }, { 'idempotency-key': 'race' }),
    );
    expect(Object.keys(tally(answers)).filter((status) => !['201', '409'].includes(status))).toEqual([]);
    const rows = await latchkey.app.database.sql<{ id: string }>(`select id from organization where name = 'Race'`);
    expect(rows).toHaveLength(1);
    const busy = answers.find(({ status }) => status === 409);
    if (busy) expect(busy.body).toMatchObject({ code: 'api.idempotency_key_in_use', retryAfter: 1 });
    const ids = answers.filter(({ status }) => status === 201).map(({ body }) => body['id']);
    expect(new Set(ids).size).toBe(1);
    expect((await send(1, 'POST', '/organizations', { name: 'Race' }, { 'idempotency-key': 'race' })).body['id']).toBe(
      ids[0],
    );
  });

  test('is sealed at rest, moves to a new secret, and goes after a day', async () => {
    await post('/organizations', 'sealed', { name: 'A sealed name' });
    const { database } = latchkey.app;
    const rows = await database.sql<{ sealed: string }>('select sealed from api_stored_answer');
    expect(rows.length).toBeGreaterThan(0);
    for (const { sealed } of rows) expect(sealed).toMatch(/^lk1\.[\w-]+\.[\w-]+$/);
    const clock = testClock(new Date().toISOString());
    const secrets = ['a new secret that only this test knows 01', testSecrets];
    const { answers } = createApiStores({ clock, database, keyRing: createKeyRing(secrets) });
    expect(await answers.reencrypt()).toEqual({ checked: rows.length, changed: rows.length });
    expect(await answers.reencrypt()).toEqual({ checked: rows.length, changed: 0 });
    expect(await answers.purge()).toBe(0);
    clock.advance(25 * 60 * 60 * 1000);
    expect(await answers.purge()).toBe(rows.length);
  });

  test('whose process ended is free after two minutes', async () => {
    const clock = testClock(new Date().toISOString());
    const { database } = latchkey.app;
    const { answers } = createApiStores({ clock, database, keyRing: createKeyRing([testSecrets]) });
    const keyed = { caller: 'robot', key: 'lost', request: 'POST' };
    const answer = { status: 200, json: '{}', fields: {} };
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<typeof answer>();
    const runs = () => (begun.resolve(), ended.promise);
    const lost = answers.once(keyed, runs, () => {});
    await begun.promise;
    const inUse = { code: 'api.idempotency_key_in_use' };
    await expect(
      answers.once(
        keyed,
        async () => answer,
        () => {},
      ),
    ).rejects.toMatchObject(inUse);
    clock.advance(121_000);
    const next = { ...answer, json: '{"second":true}' };
    expect(
      await answers.once(
        keyed,
        async () => next,
        () => {},
      ),
    ).toEqual(next);
    // The first one, if it lives after all, does not replace the outcome.
    ended.resolve(answer);
    expect(await lost).toEqual(answer);
    expect(
      await answers.once(
        keyed,
        async () => answer,
        () => {},
      ),
    ).toEqual(next);
  });
});
