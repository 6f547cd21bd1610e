import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestClient, TestUser } from '../../support/app.ts';
import { type Asked, type ServerLog, startLoggedApp } from '../../support/server-log.ts';
import { authorizeUrl, type Page, pkce, post, Visitor } from '../../support/visitor.ts';

/** The budget of a password sign-in in a browser that remembers the account, from the authorization request to userinfo. */
const MOST = { requests: 6, statements: 12, commits: 6, redisCommands: 5 };

let log: ServerLog;
let client: TestClient;
let user: TestUser;

beforeAll(async () => {
  log = await startLoggedApp();
  client = await log.latchkey.client({ first_party: true });
  user = await log.latchkey.user();
});
afterAll(() => log.close());

/** Says with each of its requests which one the servers work for. */
class CountedVisitor extends Visitor {
  override async request(...given: Parameters<Visitor['request']>): Promise<Page> {
    const [url, { form } = {}] = given;
    const path = new URL(url).pathname.replace(/[\w-]{40,}/, ':uid');
    log.begin(`${form ? 'POST' : 'GET'} ${path}`);
    return super.request(...given);
  }
}

async function signIn(visitor: Visitor): Promise<void> {
  const { base } = log.latchkey;
  const { verifier, challenge } = pkce();
  let page = await visitor.open(authorizeUrl(base, client, { code_challenge: challenge, scope: 'openid email' }));
  if (page.url.endsWith('/login')) page = await visitor.submit(page, { email: user.email });
  page = await visitor.submit(page, { password: user.password, remember: '1' });
  const back = new URL(page.location ?? '').searchParams;
  log.begin('POST /oidc/token');
  const { body } = await post(`${base}/oidc/token`, client, {
    grant_type: 'authorization_code',
    code: back.get('code') ?? '',
    redirect_uri: client.redirect_uris[0] ?? '',
    code_verifier: verifier,
  });
  log.begin('GET /oidc/userinfo');
  const about = await fetch(`${base}/oidc/userinfo`, { headers: { authorization: `Bearer ${body.access_token}` } });
  expect(await about.json()).toMatchObject({ email: user.email });
}

const shown = (kind: string, asked: readonly Asked[]): string =>
  [`${asked.length} ${kind}:`, ...asked.map(({ during, text }) => `  ${during}: ${text.slice(0, 160)}`)].join('\n');

test('a password sign-in in a browser that remembers the account does not exceed its budget', async () => {
  const visitor = new CountedVisitor();
  await signIn(visitor);
  // Closed and opened again months later: the session is gone, the browser and the account know each other, the account is not new.
  await log.latchkey.app.database.sql(
    `update users set created_at = created_at - interval '90 days' where email = $1`,
    [user.email],
  );
  for (const [key, { name }] of visitor.jar) if (!/(device|remembered)$/.test(name)) visitor.jar.delete(key);
  await log.settle();
  for (const list of [log.requests, log.statements, log.commits, log.redisCommands]) (list as unknown[]).length = 0;

  await signIn(visitor);
  await log.settle();

  const { requests, statements, commits, redisCommands } = log;
  const list = [
    `${requests.length} requests: ${requests.join(', ')}`,
    shown('statements', statements),
    shown('commits', commits),
    shown('commands of Redis', redisCommands),
  ].join('\n');
  expect(requests.length, list).toBeLessThanOrEqual(MOST.requests);
  expect(statements.length, list).toBeLessThanOrEqual(MOST.statements);
  expect(commits.length, list).toBeLessThanOrEqual(MOST.commits);
  expect(redisCommands.length, list).toBeLessThanOrEqual(MOST.redisCommands);
});
