/** Why sign-ins failed, as an operator sees it: on the command line and at the management API. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { meanings, meaningOf } from '#sign-in/interaction/refusal-meanings.ts';
import { callApi, clientTokens, machineWith, refusalOf } from '../../support/api.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { newId } from '#kernel/ids.ts';
import { authorizeUrl, pkce, Visitor } from '../../support/visitor.ts';

type SignIn = Record<
  'id' | 'at' | 'outcome' | 'reason' | 'meaning' | 'method' | 'client_id' | 'client_name' | 'ip' | 'device',
  string | null
>;
type Listed = { sign_ins: SignIn[]; next_cursor: string | null; total?: number };

const firefox = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' };
let latchkey: TestApp;
let client: TestClient;
let user: TestUser;

beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ name: 'Tally', first_party: true });
  user = await latchkey.user({ email_verified: true });
});
afterAll(() => latchkey.close());

const start = () => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge });
const list = (given: object = {}) => latchkey.run<Listed>('users.sign_ins.list', { user_id: user.id, ...given });

async function typePassword(password: string, times = 1): Promise<void> {
  const visitor = new Visitor(firefox);
  let page = await visitor.submit(await visitor.open(start()), { email: user.email });
  for (let tries = 0; tries < times; tries += 1) page = await visitor.submit(page, { password });
}

describe('the sign-ins of a user', () => {
  test('show wrong passwords, a lock, a disabled account and the success, newest first', async () => {
    await new Visitor(firefox).signIn(start(), user);
    await typePassword('wrong', 6);
    await latchkey.run('users.unlock', { user_id: user.id });
    await latchkey.run('users.disable', { user_id: user.id });
    await typePassword(user.password);
    await latchkey.run('users.enable', { user_id: user.id });
    const { sign_ins: found } = await list();
    expect(found[0]).toMatchObject({
      outcome: 'failure',
      reason: 'disabled',
      meaning: expect.stringContaining('user enable'),
      method: 'password',
      client_id: client.client_id,
      client_name: 'Tally',
      ip: '127.0.0.1',
      device: 'Firefox, Linux',
    });
    expect(found.at(-1)).toMatchObject({
      outcome: 'success',
      reason: null,
      meaning: null,
      method: 'pwd',
      client_name: 'Tally',
    });
    expect(new Set(found.map(({ reason }) => reason))).toEqual(new Set(['disabled', 'throttled', 'wrong', null]));
    const times = found.map(({ at, id }) => `${at} ${id}`);
    expect(times).toEqual(times.toSorted().toReversed());
  });

  test.each<[given: object, expected: (each: SignIn) => boolean]>([
    [{ outcome: 'failure' }, ({ outcome }) => outcome === 'failure'],
    [{ outcome: 'success' }, ({ outcome }) => outcome === 'success'],
    [{ since: '2020-01-01T00:00:00Z' }, () => true],
    [{ until: '2020-01-01T00:00:00Z' }, () => false],
    [{ client_id: 'another' }, () => false],
  ])('filtered by %j', async (given, expected) => {
    const all = await list();
    expect((await list(given)).sign_ins).toEqual(all.sign_ins.filter(expected));
  });

  test('are pages of a list, and nothing of other users', async () => {
    const other = await latchkey.user({ email_verified: true });
    const page = await list({ limit: 2, include_total: true });
    expect([page.sign_ins.length, page.total]).toEqual([2, (await list()).sign_ins.length]);
    expect(await latchkey.run<Listed>('users.sign_ins.list', { user_id: other.id })).toEqual({
      sign_ins: [],
      next_cursor: null,
    });
  });

  test('need the permission to read the audit log, and a user who exists', async () => {
    const robot = await machineWith(latchkey, '*');
    const ask = async (id: string, scope: string) => {
      const { access_token: token } = await clientTokens(latchkey, robot, { scope });
      return callApi(latchkey, `/v1/users/${id}/sign-ins?limit=1`, { token });
    };
    expect(refusalOf(await ask(user.id, 'users.read'))).toEqual([403, 'api.insufficient_scope']);
    expect(refusalOf(await ask(newId('usr'), 'audit.read'))).toEqual([404, 'users.not_found']);
    expect((await ask(user.id, 'audit.read')).status).toBe(200);
  });

  test('are among all events of the user, with those that the user caused', async () => {
    const { events } = await latchkey.run<{
      events: { type: string; subject: { id: string } | null; actor: { id: string | null } }[];
    }>('events.list', { user_id: user.id, limit: 200 });
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['user.created', 'user.signed_in', 'user.sign_in_failed']),
    );
    expect(events.filter(({ subject, actor }) => subject?.id !== user.id && actor.id !== user.id)).toEqual([]);
    const caused = await latchkey.run<{ events: object[] }>('events.list', { user_id: user.id, actor_id: user.id });
    expect(caused.events.length).toBeGreaterThan(0);
  });
});

test.each([
  ...Object.keys(meanings).map((reason) => ['user.sign_in_failed', reason]),
  ...['network', 'way', 'factor'].map((reason) => ['organization.sign_in_refused', reason]),
])('%s %s has a meaning in words', (type, reason) => {
  expect(meaningOf(type, reason)).toMatch(/^[A-Z].{20,}\.$/);
});

test('a reason that no release knows has no meaning', () => {
  expect(meaningOf('user.sign_in_failed', 'constructor')).toBeNull();
});
