/** Sessions, tokens and open pages from before, when a domain demands its connection. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestClient, TestUser } from '../../support/app.ts';
import { signInTo } from '../../support/account.ts';
import { type Federation, someone, startFederation } from '../../support/federation.ts';
import { demand, realmOf, type TestRealm } from '../../support/realms.ts';
import { newcomer } from '../../support/registration.ts';
import { authorizeUrl, type Page, pkce, post, tokensFor, type Visitor } from '../../support/visitor.ts';

let it: Federation;
let client: TestClient;
beforeAll(async () => {
  it = await startFederation();
  client = await it.latchkey.client({ first_party: true });
});
afterAll(() => it.close());

const at = (path: string) => `${it.latchkey.base}${path}`;
const pathOf = ({ url }: Page): string => new URL(url).pathname.replace(/\/interaction\/[\w-]+/, '');
const OFFLINE = { scope: 'openid offline_access', prompt: 'consent' };

const userOf = ({ domain }: TestRealm, name = 'user'): Promise<TestUser> =>
  it.latchkey.user({ email: `${name}@${domain}`, email_verified: true });
async function refresh(token: string) {
  const { status, body } = await post(at('/oidc/token'), client, { grant_type: 'refresh_token', refresh_token: token });
  return { ...body, status };
}
/** A session by password, which the domain does not demand yet. */
async function byPassword(user: TestUser, { connection }: TestRealm): Promise<Visitor> {
  await it.latchkey.run('connections.update', { connection, enabled: false });
  const { visitor } = await signInTo(it.latchkey, user);
  await it.latchkey.run('connections.update', { connection, enabled: true });
  return visitor;
}
/** A session by the connection, of an account that it makes. */
async function byConnection({ connection, domain }: TestRealm, visitor = newcomer()) {
  const person = someone();
  const email = `${person.sub}@${domain}`;
  it.tell({ ...person, email });
  const away = await it.begin(visitor, { connection });
  expect((await visitor.open(it.callback(away, connection))).location).toContain('code=');
  return { visitor };
}

describe('a refresh token', () => {
  test('of a sign-in by password is refused while the domain demands the connection, and is not used up', async () => {
    const acme = await realmOf(it);
    const visitor = await byPassword(await userOf(acme), acme);
    const { refresh_token: token } = await tokensFor(
      it.latchkey.base,
      client,
      { email: '', password: '' },
      OFFLINE,
      visitor,
    );
    await demand(it, acme, 'connection');
    expect(await refresh(token)).toMatchObject({
      status: 400,
      error: 'invalid_grant',
      error_description: 'the organization asks for another way to sign in',
    });
    expect((await post(at('/oidc/introspect'), client, { token })).body).toEqual({ active: false });
    await demand(it, acme, 'any');
    expect(await refresh(token)).toMatchObject({ status: 200, refresh_token: expect.any(String) });
  });

  test('of a sign-in by the connection goes on, and ends with the connection', async () => {
    const acme = await realmOf(it, 'connection');
    const { visitor } = await byConnection(acme);
    const { refresh_token: token } = await tokensFor(
      it.latchkey.base,
      client,
      { email: '', password: '' },
      OFFLINE,
      visitor,
    );
    const next = await refresh(token);
    expect(next.status).toBe(200);
    await it.latchkey.run('connections.update', { connection: acme.connection, enabled: false });
    expect(await refresh(next['refresh_token'])).toMatchObject({ status: 400, error: 'invalid_grant' });
  });
});

describe('a session by password', () => {
  test('opens no page of the account, until its user came by the connection', async () => {
    const acme = await realmOf(it);
    const user = await userOf(acme);
    const visitor = await byPassword(user, acme);
    await demand(it, acme, 'connection');
    for (const page of ['/account', '/account/security', '/account/profile', '/account/linked-accounts'])
      expect([page, pathOf(await visitor.open(at(page)))]).toEqual([page, '/restriction']);
    const stopped = await visitor.open(at('/account/security'));
    const away = await visitor.submit(stopped, { method: 'federation' });
    it.tell(someone({ email: user.email }));
    await it.latchkey.run('connections.update', { connection: acme.connection, links_by_email: true });
    expect(new URL(away.location ?? '').origin).toBe(it.upstream.url);
  });

  test('sends no form, and a script is told to sign in', async () => {
    const acme = await realmOf(it);
    const visitor = await byPassword(await userOf(acme), acme);
    const csrf = (await visitor.open(at('/account/profile'))).text.match(/name="csrf" value="([^"]+)"/)?.[1] ?? '';
    await demand(it, acme, 'connection');
    const sent = await visitor.request(at('/account/profile'), { form: { csrf, name: 'Changed' } });
    expect(sent.location).toMatch(/^\/oidc\/auth\?|\/oidc\/auth\?/);
    const script = await visitor.request(at('/account'), { headers: { 'sec-fetch-dest': 'empty' } });
    expect(script.status).toBe(401);
    await demand(it, acme, 'any');
    expect((await visitor.open(at('/account/profile'))).text).not.toContain('Changed');
  });

  test('counts again when the demand is taken back, and goes on for an owner who keeps the other ways', async () => {
    const acme = await realmOf(it);
    const owner = await userOf(acme, 'owner');
    await it.latchkey.run('organizations.members.create', {
      organization_id: acme.id,
      user_id: owner.id,
      roles: ['TENANT_OWNER'],
    });
    const visitor = await byPassword(owner, acme);
    await demand(it, acme, 'connection_or_owner');
    expect(pathOf(await visitor.open(at('/account')))).toBe('/account');
    await demand(it, acme, 'connection');
    expect(pathOf(await visitor.open(at('/account')))).toBe('/restriction');
    await demand(it, acme, 'any');
    expect(pathOf(await visitor.open(at('/account')))).toBe('/account');
  });

  test('answers no invitation', async () => {
    const acme = await realmOf(it);
    const user = await userOf(acme);
    const visitor = await byPassword(user, acme);
    const { id } = await it.latchkey.run<{ id: string }>('organizations.create', { name: 'Another' });
    await it.latchkey.run('organizations.invitations.create', { organization_id: id, email: user.email });
    const link = /https?:\/\/\S+\/invitation\/\S+/.exec((await it.mails.next(user.email)).text)?.[0] ?? '';
    expect((await visitor.open(link)).text).toContain('value="accept"');
    await demand(it, acme, 'connection');
    expect((await visitor.open(link)).text).not.toContain('value="accept"');
  });
});

test('a session by the connection opens the pages of the account', async () => {
  const acme = await realmOf(it, 'connection');
  const { visitor } = await byConnection(acme);
  expect(pathOf(await visitor.open(at('/account/security')))).toBe('/account/security');
  const silent = await visitor.request(
    authorizeUrl(it.latchkey.base, client, { code_challenge: pkce().challenge, prompt: 'none' }),
  );
  expect(silent.location).toContain('code=');
});
