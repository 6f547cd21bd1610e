/** A policy that an organization tightens after a sign-in counts for the refresh tokens of this sign-in. */
import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { walk } from '../../support/mfa.ts';
import { organizationOf, type TestOrganization } from '../../support/organizations.ts';
import { authorizeUrl, formsOf, pkce, post, tokensFor, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true, organization_usage: 'allow' });
});
afterAll(() => latchkey.close());
afterEach(() => vi.useRealTimers());

type Held = { isNamed: boolean; user: TestUser; organization: TestOrganization; visitor: Visitor; token: string };

async function held(given: { for?: 'none' } = {}): Promise<Held> {
  const user = await latchkey.user();
  const organization = await organizationOf(latchkey, [user]);
  const visitor = new Visitor();
  const named = given.for === 'none' ? {} : { organization: organization.id };
  const asked = { scope: 'openid offline_access', prompt: 'consent', ...named };
  const { refresh_token: token } = await tokensFor(latchkey.base, client, user, asked, visitor);
  return { isNamed: given.for !== 'none', user, organization, visitor, token };
}
const demand = async ({ organization }: Pick<Held, 'organization'>, name: string, value: unknown) =>
  latchkey.run('organizations.policy.update', {
    organization_id: organization.id,
    name,
    value: value === null ? null : JSON.stringify(value),
  });
const refresh = async (token: string, more: Record<string, string> = {}) => {
  const parameters = { grant_type: 'refresh_token', refresh_token: token, ...more };
  const { status, body } = await post(`${latchkey.base}/oidc/token`, client, parameters);
  return { ...body, status };
};
/** The events about refused refreshes of a user: one for each grant in an hour. */
const refusals = ({ id }: TestUser) =>
  latchkey.app.database.sql(
    `select subject_id, client_id, organization_id, outcome, details from audit_record
     where type = 'token.refresh_refused' and subject_id = $1`,
    [id],
  );
const isActive = async (token: string) =>
  (await post(`${latchkey.base}/oidc/introspect`, client, { token })).body['active'];
const later = (seconds: number): void =>
  void vi.useFakeTimers({ toFake: ['Date'], now: new Date(Date.now() + seconds * 1000) });
const silently = async (visitor: Visitor, organization?: string) => {
  const asked = { code_challenge: pkce().challenge, prompt: 'none', organization };
  const { location } = await visitor.request(authorizeUrl(latchkey.base, client, asked));
  return new URL(location ?? latchkey.base).searchParams;
};

describe.each<[string, () => Promise<Held>]>([
  ['for the organization', () => held()],
  ['for no organization, of a member', () => held({ for: 'none' })],
])('a refresh token %s', (_which, of) => {
  test.each<[string, string, unknown, string]>([
    ['a second factor', 'mfa.enforcement', 'required', 'the organization asks for a stronger sign-in'],
    [
      'other networks',
      'networks.allowed',
      ['203.0.113.0/24'],
      'the organization does not allow the network of the sign-in',
    ],
    ['another way to begin', 'signIn.methods', ['passkey'], 'the organization asks for another way to sign in'],
  ])('is refused while the organization demands %s, and is not used up', async (_what, name, value, words) => {
    const given = await of();
    await demand(given, name, value);
    const refused = await refresh(given.token);
    expect(refused).toMatchObject({ status: 400, error: 'invalid_grant', error_description: words });
    expect(await refresh(given.token)).toMatchObject({ error: 'invalid_grant' });
    const about = { subject_id: given.user.id, client_id: client.client_id, outcome: 'failure' };
    expect(await refusals(given.user)).toEqual([
      { ...about, organization_id: given.isNamed ? given.organization.id : null, details: { reason: words } },
    ]);
    expect(await isActive(given.token)).toBe(false);
    await demand(given, name, null);
    expect(await isActive(given.token)).toBe(true);
    const { refresh_token: next, status } = await refresh(given.token);
    expect(status).toBe(200);
    // The next one is of the same sign-in.
    await demand(given, name, value);
    expect(await refresh(next)).toMatchObject({ error: 'invalid_grant', error_description: words });
  });

  test.each<[string, readonly (readonly [string, unknown])[], number]>([
    ['sessions end', [['session.absoluteSeconds', 600]], 600],
    [
      'the days of grace are over',
      [
        ['mfa.enforcement', 'required'],
        ['mfa.graceDays', 2],
      ],
      2 * 86_400,
    ],
  ])('is refused when %s, and so is the session', async (_what, demands, seconds) => {
    const given = await of();
    for (const [name, value] of demands) await demand(given, name, value);
    const { refresh_token: next, status } = await refresh(given.token);
    expect(status).toBe(200);
    later(seconds);
    expect(await refresh(next)).toMatchObject({
      error: 'invalid_grant',
      error_description: 'the organization asks the user to sign in again',
    });
    expect((await silently(given.visitor)).get('error')).toBe('login_required');
  });
});

test('a session that an organization makes shorter asks for the password again, and goes on', async () => {
  const { user, organization, visitor } = await held();
  await demand({ organization }, 'session.absoluteSeconds', 600);
  later(700);
  const url = authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, organization: organization.id });
  const page = await visitor.open(url);
  expect(formsOf(page)[0]?.fields).toMatchObject({ password: '' });
  const back = await visitor.submit(page, { password: user.password });
  expect(new URL(back.location ?? latchkey.base).searchParams.get('code')).not.toBeNull();
});

test('a change to another organization is held against the policy there alone', async () => {
  const { user, organization, token } = await held();
  const lenient = await organizationOf(latchkey, [user]);
  await demand({ organization }, 'networks.allowed', ['203.0.113.0/24']);
  expect((await refresh(token)).error).toBe('invalid_grant');
  const { id_token: idToken, refresh_token: next } = await refresh(token, { organization: lenient.id });
  expect(decodeJwt(idToken)).toMatchObject({ org_id: lenient.id });
  const back = await refresh(next, { organization: organization.id });
  expect(back).toMatchObject({
    error: 'unmet_authentication_requirements',
    error_description: 'the organization does not allow the network of the sign-in',
  });
});

test('members of other organizations, and users of none, keep their tokens', async () => {
  const [strict, other] = [await held(), await held()];
  await demand(strict, 'mfa.enforcement', 'required');
  const free = await latchkey.user();
  const asked = { scope: 'openid offline_access', prompt: 'consent' };
  const issued = await tokensFor(latchkey.base, client, free, asked);
  for (const token of [other.token, issued.refresh_token]) expect((await refresh(token)).status).toBe(200);
});

test('days of grace that the sign-in was spared by count from the first request for a factor', async () => {
  const user = await latchkey.user();
  const organization = await organizationOf(latchkey, [user]);
  await demand({ organization }, 'mfa.enforcement', 'required');
  await demand({ organization }, 'mfa.graceDays', 2);
  const asked = { scope: 'openid offline_access', prompt: 'consent', organization: organization.id };
  const first = await tokensFor(latchkey.base, client, user, asked, new Skipping());
  later(86_400);
  const second = await tokensFor(latchkey.base, client, user, asked, new Skipping());
  for (const issued of [first, second]) expect(await isActive(issued.refresh_token)).toBe(true);
  later(86_400 + 60);
  // A day after the second sign-in, and two days after the first request.
  for (const issued of [first, second]) expect((await refresh(issued.refresh_token)).error).toBe('invalid_grant');
});

/** A visitor who postpones the second factor. */
class Skipping extends Visitor {
  override async submit(...[page, values, button]: Parameters<Visitor['submit']>) {
    return super.submit(page, values, page.url.endsWith('/enrol-factor') ? 'skip' : button);
  }
}

test('a trusted browser spares the second factor of an organization also at refresh, while it is trusted', async () => {
  const { withApp, codeAgain } = walk(latchkey, client);
  const user = await withApp();
  const organization = await organizationOf(latchkey, [user]);
  await demand({ organization }, 'mfa.enforcement', 'required');
  const visitor = new Visitor();
  const asked = { scope: 'openid offline_access', prompt: 'login consent', organization: organization.id };
  const url = authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...asked });
  let page = await visitor.submit(await visitor.open(url), { email: user.email });
  page = await visitor.submit(page, { password: user.password });
  page = await visitor.submit(page, { code: await codeAgain(user), remember: '1' });
  for (let pages = 0; page.location === null && pages < 3; pages += 1) page = await visitor.submit(page);
  const issued = await tokensFor(latchkey.base, client, user, asked, visitor);
  expect(decodeJwt(issued.id_token)).toMatchObject({ amr: ['pwd'], org_id: organization.id });
  const { refresh_token: next, status } = await refresh(issued.refresh_token);
  expect(status).toBe(200);
  expect((await silently(visitor, organization.id)).get('code')).not.toBeNull();
  await demand({ organization }, 'mfa.trustDays', 0);
  expect((await refresh(next)).error).toBe('invalid_grant');
  expect((await silently(visitor, organization.id)).get('error')).toBe('login_required');
});
