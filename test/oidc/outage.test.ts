import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createLog } from '#kernel/log.ts';
import { openRedis } from '#kernel/redis/port.ts';
import { emptyRedis, startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { basic, startNode } from '../support/nodes.ts';
import { createTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, tokensFor, Visitor } from '../support/visitor.ts';

const databaseUrl = process.env['TEST_DATABASE_URL'];
const redisUrl = process.env['TEST_REDIS_URL'];
const offline = { scope: 'openid offline_access', prompt: 'consent' };

async function proxyTo(url: string, port: number): Promise<{ proxy: TcpProxy; url: string }> {
  const target = new URL(url);
  const proxy = await createTcpProxy({ host: target.hostname, port: Number(target.port || port) });
  return { proxy, url: Object.assign(target, { host: `127.0.0.1:${proxy.port}` }).href };
}

type Ways = { lose(): Promise<void>; giveBack(): Promise<void> };
type Rig = Ways & { latchkey: TestApp; redisUrl: string; client: TestClient; user: TestUser };

/** The product with a Redis of its own number behind a way that can be cut. */
async function rigWithRedis(outage: 'stop' | 'freeze'): Promise<Rig> {
  const own = await emptyRedis(redisUrl!);
  const { proxy, url } = await proxyTo(own, 6379);
  const latchkey = await startTestApp({ env: { REDIS_URL: url } });
  onTestFinished(() => latchkey.close());
  const redis = latchkey.app.checks.redis!;
  await vi.waitFor(async () => redis(), { timeout: 60_000 });
  return {
    latchkey,
    redisUrl: own,
    client: await latchkey.client({
      first_party: true,
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    }),
    user: await latchkey.user(),
    lose: async () => proxy[outage](),
    async giveBack() {
      await (outage === 'stop' ? proxy.start() : proxy.thaw());
      await vi.waitFor(async () => redis(), { timeout: 60_000, interval: 50 });
    },
  };
}

async function isActive({ latchkey, client }: Rig, token: string): Promise<boolean> {
  const answer = await post(`${latchkey.base}/oidc/introspect`, client, { token });
  expect(answer.status).toBe(200);
  return answer.body['active'] === true;
}

const machineToken = async ({ latchkey, client }: Rig): Promise<string> => {
  const answer = await post(`${latchkey.base}/oidc/token`, client, { grant_type: 'client_credentials' });
  expect(answer.status).toBe(200);
  return answer.body.access_token;
};

const signInUrl = ({ latchkey, client }: Rig): string =>
  authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge });

/** Up to the redirect that would end the sign-in: the proof is given, nobody has asked for the code. */
async function almostSignedIn({ user, ...rig }: Rig, visitor: Visitor): Promise<string> {
  const page = await visitor.submit(await visitor.open(signInUrl({ user, ...rig })), { email: user.email });
  const [form] = formsOf(page);
  const proven = await visitor.request(form?.action ?? '', { form: { ...form?.fields, password: user.password } });
  return proven.location ?? '';
}

const codeIn = ({ location }: Page): string | null =>
  location === null ? null : new URL(location).searchParams.get('code');

describe.runIf(redisUrl && databaseUrl)('Redis', () => {
  describe.each(['stop', 'freeze'] as const)('lost while running (%s)', (outage) => {
    test('users sign in, and tokens are issued, refreshed and checked, without it', async () => {
      const rig = await rigWithRedis(outage);
      const { latchkey, client, user } = rig;
      const before = await tokensFor(latchkey.base, client, user, offline);
      await rig.lose();
      const start = performance.now();
      const during = await tokensFor(latchkey.base, client, user, offline);
      expect(performance.now() - start).toBeLessThan(4000);
      for (const { refresh_token } of [before, during]) {
        const refreshed = await post(`${latchkey.base}/oidc/token`, client, {
          grant_type: 'refresh_token',
          refresh_token,
        });
        expect(refreshed.status).toBe(200);
        expect(await isActive(rig, refreshed.body.access_token)).toBe(true);
      }
      const machine = await machineToken(rig);
      expect(await isActive(rig, machine)).toBe(true);
      await rig.giveBack();
      expect(await isActive(rig, machine)).toBe(true);
      expect((await tokensFor(latchkey.base, client, user)).access_token).toMatch(/^lk_at_/);
    });

    test('a sign-in that began before continues: lost at its first page, and before its last redirect', async () => {
      const rig = await rigWithRedis(outage);
      const [early, late] = [new Visitor(), new Visitor()];
      const page = await early.open(signInUrl(rig));
      const resume = await almostSignedIn(rig, late);
      await rig.lose();
      const second = await early.submit(page, { email: rig.user.email });
      const end = await early.submit(second, { password: rig.user.password });
      expect(codeIn(end)).toMatch(/^lk_ac_/);
      expect(codeIn(await late.request(resume))).toMatch(/^lk_ac_/);
    });

    test('a sign-in that began without it completes when it is back', async () => {
      const rig = await rigWithRedis(outage);
      const visitor = new Visitor();
      await rig.lose();
      const resume = await almostSignedIn(rig, visitor);
      await rig.giveBack();
      expect(codeIn(await visitor.request(resume))).toMatch(/^lk_ac_/);
    });

    test('a sign-in that completed before, or without it, does not complete again when it is back', async () => {
      const rig = await rigWithRedis(outage);
      const [before, during] = [new Visitor(), new Visitor()];
      const first = await almostSignedIn(rig, before);
      const firstJar = new Map(before.jar);
      expect(codeIn(await before.request(first))).toMatch(/^lk_ac_/);
      await rig.lose();
      const second = await almostSignedIn(rig, during);
      const secondJar = new Map(during.jar);
      expect(codeIn(await during.request(second))).toMatch(/^lk_ac_/);
      await rig.giveBack();
      for (const [resume, jar] of [
        [first, firstJar],
        [second, secondJar],
      ] as const) {
        const replay = new Visitor();
        for (const [key, cookie] of jar) replay.jar.set(key, cookie);
        expect(codeIn(await replay.request(resume))).toBeNull();
      }
    });

    test('a machine token that was revoked without it stays revoked', async () => {
      const rig = await rigWithRedis(outage);
      const token = await machineToken(rig);
      expect(await isActive(rig, token)).toBe(true);
      await rig.lose();
      const answer = await post(`${rig.latchkey.base}/oidc/revoke`, rig.client, { token });
      expect(answer.status).toBe(200);
      await rig.giveBack();
      expect(await isActive(rig, token)).toBe(false);
    });

    test('consumed codes and refresh tokens stay consumed', async () => {
      const rig = await rigWithRedis(outage);
      const { latchkey, client, user } = rig;
      const tokens = await tokensFor(latchkey.base, client, user, offline);
      const refresh = (token = tokens.refresh_token) =>
        post(`${latchkey.base}/oidc/token`, client, { grant_type: 'refresh_token', refresh_token: token });
      expect((await refresh((await refresh()).body.refresh_token)).status).toBe(200);
      await rig.lose();
      expect((await refresh()).body.error).toBe('invalid_grant');
      await rig.giveBack();
      expect((await refresh()).body.error).toBe('invalid_grant');
    });
  });

  test('that comes back empty loses no token of a user and no sign-in', async () => {
    const rig = await rigWithRedis('stop');
    const { latchkey, client, user } = rig;
    const tokens = await tokensFor(latchkey.base, client, user, offline);
    const revoked = await machineToken(rig);
    await post(`${latchkey.base}/oidc/revoke`, client, { token: revoked });
    const visitor = new Visitor();
    const page = await visitor.open(signInUrl(rig));

    const direct = openRedis({
      url: rig.redisUrl,
      log: createLog({ level: 'silent' }),
    })!;
    await direct.connected(2000);
    await direct.run((redis) => redis.flushdb());
    direct.close();

    expect(await isActive(rig, tokens.access_token)).toBe(true);
    expect(await isActive(rig, revoked)).toBe(false);
    const second = await visitor.submit(page, { email: user.email });
    expect(codeIn(await visitor.submit(second, { password: user.password }))).toMatch(/^lk_ac_/);
  });
});

describe.runIf(databaseUrl)('PostgreSQL', () => {
  test.each(['stop', 'freeze'] as const)(
    'lost while running (%s): 503 with Retry-After, and recovery',
    async (outage) => {
      const latchkey = await startTestApp({ settings: { 'limits.clientFailuresPerAddress': 1000 } });
      onTestFinished(() => latchkey.close());
      const { proxy, url } = await proxyTo(latchkey.config.databaseUrl!, 5432);
      const node = await startNode(latchkey, { DATABASE_URL: url });
      onTestFinished(() => node.stop());
      const client = await latchkey.client({ grant_types: ['authorization_code', 'client_credentials'], apis: {} });
      const { access_token: token } = await tokensFor(latchkey.base, client, await latchkey.user());
      const introspect = () => node.send('/oidc/introspect', { form: { token }, headers: basic(client) });
      expect((await introspect()).body['active']).toBe(true);
      // Recently read values are forgotten.
      await sleep(600);

      await proxy[outage]();
      const start = performance.now();
      const answers = await Promise.all(Array.from({ length: 30 }, introspect));
      expect(performance.now() - start).toBeLessThan(12_000);
      expect(new Set(answers.map(({ status, retryAfter }) => `${status} ${retryAfter}`))).toEqual(new Set(['503 5']));
      const page = await node.send(`/oidc/auth?client_id=${client.client_id}`, { headers: { accept: 'text/html' } });
      expect([page.status, page.retryAfter]).toEqual([503, '5']);
      // Its answer is kept for a second.
      await vi.waitFor(async () => expect((await node.send('/readyz')).status).toBe(503), { timeout: 60_000 });
      const alive = await Promise.all(
        ['/livez', '/oidc/jwks', '/.well-known/openid-configuration'].map((path) => node.send(path)),
      );
      expect(alive.map(({ status }) => status)).toEqual([200, 200, 200]);

      await (outage === 'stop' ? proxy.start() : proxy.thaw());
      await vi.waitFor(async () => expect((await introspect()).body['active']).toBe(true), {
        timeout: 10_000,
        interval: 100,
      });
      await vi.waitFor(async () => expect((await node.send('/readyz')).status).toBe(200), { timeout: 60_000 });
    },
    60_000,
  );
});
