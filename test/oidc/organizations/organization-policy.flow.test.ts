import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { organizationOf, type TestOrganization } from '../../support/organizations.ts';
import { authorizeUrl, pkce, post, tokensFor, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
let plain: TestOrganization;
let strict: TestOrganization;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true, organization_usage: 'allow' });
  user = await latchkey.user();
  plain = await organizationOf(latchkey, [user]);
  strict = await organizationOf(latchkey, [user]);
});
afterAll(() => latchkey.close());

const demand = (value: string | null) =>
  latchkey.run('organizations.policy.update', { organization_id: strict.id, name: 'mfa.enforcement', value });
const refresh = async (token: string, organization: string) =>
  (
    await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: 'refresh_token',
      refresh_token: token,
      organization,
    })
  ).body;
const urlOf = (extra: Record<string, string>) =>
  authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra });

test('an organization that asks for a second factor gets no tokens of a weaker sign-in', async () => {
  const visitor = new Visitor();
  const asked = { scope: 'openid offline_access', prompt: 'consent', organization: plain.id };
  const issued = await tokensFor(latchkey.base, client, user, asked, visitor);
  await demand('required');
  const refused = await refresh(issued.refresh_token, strict.id);
  expect(refused.error).toBe('unmet_authentication_requirements');

  const silent = await visitor.request(urlOf({ prompt: 'none', organization: strict.id }));
  expect(new URL(silent.location ?? '').searchParams.get('error')).toBe('login_required');
  // Asked in person, the user proves more, and begins with the password, which is older than a moment or not.
  const shown = await visitor.open(urlOf({ organization: strict.id }));
  expect(new URL(shown.url).pathname).toMatch(/\/(enrol-factor|second-factor|password)$/);
  // The organization before is open as before.
  const before = await visitor.request(urlOf({ prompt: 'none', organization: plain.id }));
  expect(new URL(before.location ?? '').searchParams.get('code')).not.toBeNull();

  await demand(null);
  const { id_token: idToken } = await refresh(issued.refresh_token, strict.id);
  expect(decodeJwt(idToken)).toMatchObject({ org_id: strict.id });
});

test.each([
  ['no organization', {}],
  ['an organization of others', { organization: 'others' }],
  ['an organization that does not exist', { organization: 'no-such-one' }],
])('a sign-in for %s is held against all organizations of the user', async (_what, named) => {
  if (_what.endsWith('others')) await organizationOf(latchkey, [], { slug: 'others' });
  const person = await latchkey.user();
  const own = await organizationOf(latchkey, [person]);
  await latchkey.run('organizations.policy.update', {
    organization_id: own.id,
    name: 'mfa.enforcement',
    value: 'required',
  });
  const visitor = new Visitor();
  let page = await visitor.open(urlOf(named));
  page = await visitor.submit(page, { email: person.email });
  page = await visitor.submit(page, { password: person.password });
  expect(new URL(page.url).pathname).toMatch(/\/enrol-factor$/);
});
