/** A client learns about an organization of a user after the user allowed it for this organization. */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { organizationOf, type TestOrganization } from '../../support/organizations.ts';
import { authorizeUrl, type Page, pkce, post, tokensFor, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
let acme: TestOrganization;
let beta: TestOrganization;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ organization_usage: 'allow' });
  user = await latchkey.user();
  acme = await organizationOf(latchkey, [user], { slug: 'acme', name: 'Acme Tools' });
  beta = await organizationOf(latchkey, [user], { slug: 'beta', name: 'Beta Works' });
});
afterAll(() => latchkey.close());

const urlFor = (organization?: string, who = client, extra: Record<string, string> = {}) =>
  authorizeUrl(latchkey.base, who, { code_challenge: pkce().challenge, organization, ...extra });
const pathOf = (page: Page) => new URL(page.url).pathname.replace(/^\/interaction\/[\w-]+\//, '');
const codeOf = (page: Page) => new URL(page.location ?? latchkey.base).searchParams.get('code');
const silently = async (visitor: Visitor, organization: string) => {
  const { location } = await visitor.request(urlFor(organization, client, { prompt: 'none' }));
  return new URL(location ?? latchkey.base).searchParams.get('error');
};

test('the page names the organization, and each organization is asked about once', async () => {
  const visitor = new Visitor();
  let page = await visitor.submit(await visitor.open(urlFor()), { email: user.email });
  page = await visitor.submit(page, { password: user.password });
  expect(pathOf(page)).toBe('consent');
  expect(page.text).not.toContain('Acme Tools');
  expect(codeOf(await visitor.submit(page, {}, 'allow'))).not.toBeNull();

  for (const [organization, name, other] of [
    [acme, 'Acme Tools', 'Beta Works'],
    [beta, 'Beta Works', 'Acme Tools'],
  ] as const) {
    expect(await silently(visitor, organization.id)).toBe('consent_required');
    page = await visitor.open(urlFor(organization.slug));
    expect(pathOf(page)).toBe('consent');
    expect(page.text).toContain(name);
    expect(page.text).toContain('And your roles in it');
    expect(page.text).not.toContain(other);
    expect(codeOf(await visitor.submit(page, {}, 'allow'))).not.toBeNull();
    expect(codeOf(await visitor.open(urlFor(organization.slug)))).not.toBeNull();
    expect(await silently(visitor, organization.id)).toBeNull();
  }
  expect(codeOf(await visitor.open(urlFor()))).not.toBeNull();
  const { text: apps } = await visitor.open(`${latchkey.base}/account/apps`);
  for (const { name } of [{ name: 'Acme Tools' }, { name: 'Beta Works' }])
    expect(apps).toMatch(new RegExp(`See that you belong to .*${name}`));
});

test('a user who says no is asked again', async () => {
  const app = await latchkey.client({ organization_usage: 'allow' });
  const visitor = new Visitor();
  await visitor.signIn(urlFor(undefined, app), user);
  const page = await visitor.open(urlFor('acme', app));
  const refused = await visitor.submit(page, {}, 'deny');
  expect(new URL(refused.location ?? latchkey.base).searchParams.get('error')).toBe('access_denied');
  expect(pathOf(await visitor.open(urlFor('acme', app)))).toBe('consent');
});

describe('a refresh that changes the organization', () => {
  const refresh = async (token: string, organization: string) =>
    (
      await post(`${latchkey.base}/oidc/token`, client, {
        grant_type: 'refresh_token',
        refresh_token: token,
        organization,
      })
    ).body;

  test('is refused until the user has allowed the client to learn about the other one', async () => {
    const person = await latchkey.user();
    const [one, two] = [await organizationOf(latchkey, [person]), await organizationOf(latchkey, [person])];
    const visitor = new Visitor();
    const asked = { scope: 'openid offline_access', prompt: 'consent', organization: one.id };
    const { refresh_token: token } = await tokensFor(latchkey.base, client, person, asked, visitor);
    expect((await refresh(token, two.id)).error).toBe('consent_required');
    const page = await visitor.open(urlFor(two.id));
    expect(codeOf(await visitor.submit(page, {}, 'allow'))).not.toBeNull();
    expect(decodeJwt((await refresh(token, two.id)).id_token)).toMatchObject({ org_id: two.id });
  });
});

test('a client that requires an organization: the page names the only one of the user', async () => {
  const app = await latchkey.client({ organization_usage: 'require' });
  const person = await latchkey.user();
  await organizationOf(latchkey, [person], { name: 'Only One' });
  const visitor = new Visitor();
  let page = await visitor.submit(await visitor.open(urlFor(undefined, app)), { email: person.email });
  page = await visitor.submit(page, { password: person.password });
  expect(pathOf(page)).toBe('consent');
  expect(page.text).toContain('Only One');
});

test('a client of the house asks nothing, and a consent that is taken back counts for every organization', async () => {
  const own = await latchkey.client({ first_party: true, organization_usage: 'allow' });
  const visitor = new Visitor();
  await visitor.signIn(urlFor(undefined, own), user);
  expect(codeOf(await visitor.open(urlFor('acme', own)))).not.toBeNull();

  const person = await latchkey.user();
  const only = await organizationOf(latchkey, [person]);
  const browser = new Visitor();
  await browser.signIn(urlFor(only.id), person);
  const { consents } = await latchkey.run<{ consents: object[] }>('users.consents.list', { user_id: person.id });
  expect(consents).toMatchObject([{ organizations: [only.id] }]);
  await latchkey.run('users.consents.delete', { user_id: person.id, client_id: client.client_id });
  expect(pathOf(await browser.open(urlFor(only.id)))).toBe('consent');
});
