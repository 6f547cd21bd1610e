import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { Authenticator } from '../../support/authenticator.ts';
import { passkeyVisits } from '../../support/passkey-visits.ts';
import { authorizeUrl, type Page, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let client: TestClient;
let tenantClient: TestClient;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env });
  client = await latchkey.client({ first_party: true });
  tenantClient = await latchkey.client({ first_party: true, organization_usage: 'allow' });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

type Demands = Readonly<Record<string, unknown>>;
let made = 0;

async function demand(organization: string, demands: Demands): Promise<void> {
  for (const [name, value] of Object.entries(demands))
    await latchkey.run('organizations.policy.update', {
      organization_id: organization,
      name,
      value: JSON.stringify(value),
    });
}

async function organizationOf(owner: TestUser, demands: Demands): Promise<string> {
  const { id } = await latchkey.run<{ id: string }>('organizations.create', {
    name: `Fernway ${(made += 1)}`,
    owner: owner.id,
  });
  await demand(id, demands);
  return id;
}

const urlFor = (organization?: string) =>
  authorizeUrl(latchkey.base, organization === undefined ? client : tenantClient, {
    code_challenge: pkce().challenge,
    organization,
  });

/** Types address and password; the page that follows. */
async function enter(
  { email, password }: { email: string; password: string },
  { organization, visitor = new Visitor() }: { organization?: string; visitor?: Visitor } = {},
): Promise<Page> {
  const page = await visitor.submit(await visitor.open(urlFor(organization)), { email });
  return visitor.submit(page, { password });
}

const pathOf = (page: Page): string =>
  new URL(page.location ?? page.url).pathname.replace(/^\/interaction\/[\w-]+\//, '');
const isDone = (page: Page): boolean => page.location !== null && new URL(page.location).searchParams.has('code');
const errorOf = (page: Page): string | null => new URL(page.location ?? page.url).searchParams.get('error');

describe('a network that the organization does not allow', () => {
  const elsewhere = { 'networks.allowed': ['203.0.113.0/24'] };

  test('refuses the sign-in after the password, and the relying party hears of it', async () => {
    const user = await latchkey.user();
    await organizationOf(user, elsewhere);
    const visitor = new Visitor();
    const page = await enter(user, { visitor });
    expect([page.status, pathOf(page)]).toEqual([200, 'restriction']);
    expect(page.text).toContain('You can’t sign in from this network');
    expect(errorOf(await visitor.submit(page, {}, 'leave'))).toBe('access_denied');
  });

  test('lets the user go on where the network is allowed meanwhile', async () => {
    const user = await latchkey.user();
    const organization = await organizationOf(user, elsewhere);
    const visitor = new Visitor();
    const page = await enter(user, { visitor });
    expect(pathOf(await visitor.submit(page, {}, 'continue'))).toBe('restriction');
    await demand(organization, { 'networks.allowed': ['127.0.0.0/8', '::1'] });
    expect(isDone(await visitor.submit(page, {}, 'continue'))).toBe(true);
  });

  test('tells nothing before the password: members, strangers and unknown addresses see the same pages', async () => {
    const member = await latchkey.user();
    await organizationOf(member, { ...elsewhere, 'signIn.methods': ['passkey'], 'mfa.enforcement': 'required' });
    const stranger = await latchkey.user();
    const texts = [];
    for (const email of [member.email, stranger.email, `p${'0'.repeat(12)}@example.com`]) {
      const visitor = new Visitor();
      const typed = await visitor.submit(await visitor.open(urlFor()), { email });
      const refused = await visitor.submit(typed, { password: 'not the password at all' });
      texts.push(
        [typed, refused].map(({ status, text, url }) => [
          status,
          pathOf({ url, location: null } as Page),
          text
            .replaceAll('<wbr>', '')
            .replaceAll(email, 'EMAIL')
            .replaceAll(/\/interaction\/[\w-]+/g, '/interaction/UID')
            .replaceAll(/(nonce|value|content)="[^"]*"/g, '$1=""'),
        ]),
      );
    }
    expect(texts[1]).toEqual(texts[0]);
    expect(texts[2]).toEqual(texts[0]);
  });
});

describe('ways to begin a sign-in that the organization does not take', () => {
  test('do not count: the user begins again in one that it takes', async () => {
    const user = await latchkey.user({ email_verified: true });
    await organizationOf(user, { 'signIn.methods': ['emailCode'] });
    const visitor = new Visitor();
    const page = await enter(user, { visitor });
    expect([page.status, pathOf(page)]).toEqual([200, 'restriction']);
    expect(page.text).not.toContain('value="password"');
    const typing = await visitor.submit(page, {}, 'email-code');
    expect(pathOf(typing)).toBe('email-code');
    const { code } = await mails.next(user.email);
    expect(isDone(await visitor.submit(typing, { code }))).toBe(true);
  });

  test('add no second factor before they are refused', async () => {
    const user = await latchkey.user();
    await organizationOf(user, { 'signIn.methods': ['emailCode'], 'mfa.enforcement': 'required' });
    const visitor = new Visitor();
    const page = await enter(user, { visitor });
    expect(pathOf(page)).toBe('restriction');
    const enrol = await visitor.open(page.url.replace('restriction', 'enrol-factor'));
    expect(pathOf(enrol)).toBe('restriction');
  });

  test('leave none where two organizations take different ones, until one is named', async () => {
    const user = await latchkey.user();
    const first = await organizationOf(user, { 'signIn.methods': ['password'] });
    await organizationOf(user, { 'signIn.methods': ['passkey'] });
    const page = await enter(user);
    expect(pathOf(page)).toBe('restriction');
    expect(page.text).toContain('Ask an administrator of your organization');
    expect(isDone(await enter(user, { organization: first }))).toBe(true);
  });

  test('are not offered where the request names the organization, whatever address is typed', async () => {
    const user = await latchkey.user();
    const organization = await organizationOf(user, { 'signIn.methods': ['emailCode'] });
    for (const email of [user.email, 'stranger@example.com']) {
      const visitor = new Visitor();
      const page = await visitor.submit(await visitor.open(urlFor(organization)), { email });
      expect(pathOf(page)).toBe('email-code');
      expect(page.text).not.toContain('/password');
      const password = await visitor.open(page.url.replace('email-code', 'password'));
      expect(pathOf(password)).toBe('email-code');
    }
  });
});

describe('a second factor that the organization requires', () => {
  test('is asked for at once, or after its days of grace', async () => {
    const user = await latchkey.user();
    const organization = await organizationOf(user, { 'mfa.enforcement': 'required' });
    expect(pathOf(await enter(user))).toBe('enrol-factor');
    await demand(organization, { 'mfa.graceDays': 7 });
    const visitor = new Visitor();
    const offered = await enter(user, { visitor });
    expect(pathOf(offered)).toBe('enrol-factor');
    expect(isDone(await visitor.submit(offered, {}, 'skip'))).toBe(true);
    await demand(organization, { 'mfa.graceDays': null, 'mfa.enforcement': null });
    expect(isDone(await enter(user))).toBe(true);
  });

  test('counts in a sign-in for another organization only where none is named', async () => {
    const user = await latchkey.user();
    await organizationOf(user, { 'mfa.enforcement': 'required' });
    const lenient = await organizationOf(user, {});
    expect(pathOf(await enter(user))).toBe('enrol-factor');
    expect(isDone(await enter(user, { organization: lenient }))).toBe(true);
  });
});

describe('a refused sign-in is recorded for each organization that refuses it, once', () => {
  type Row = { organization: string | null; reason: string; client: string; ip: string };
  const refusalsOf = async ({ id }: TestUser) =>
    (
      await latchkey.app.database.sql<Row>(
        `select e.organization_id as organization, d.details->>'reason' as reason, e.client_id as client, d.ip
         from audit_event e join audit_detail d on d.event_id = e.id
         where e.type = 'organization.sign_in_refused' and e.subject_id = $1 order by e.at`,
        [id],
      )
    ).map(({ organization, reason, client: by, ip }) => [organization, reason, by === client.client_id, ip !== '']);

  test.each<[string, Demands]>([
    ['network', { 'networks.allowed': ['203.0.113.0/24'] }],
    ['way', { 'signIn.methods': ['passkey'] }],
  ])('by its %s', async (reason, demands) => {
    const user = await latchkey.user();
    const strict = await organizationOf(user, demands);
    await organizationOf(user, {});
    const visitor = new Visitor();
    const page = await enter(user, { visitor });
    await visitor.open(page.url);
    expect(await refusalsOf(user)).toEqual([[strict, reason, true, true]]);
    await enter(user);
    expect(await refusalsOf(user)).toHaveLength(2);
  });

  test('by a second factor that it does not take', async () => {
    const user = await latchkey.user();
    const made = await passkeyVisits(latchkey, client).enrol(user, new Authenticator());
    expect(made.status).toBeLessThan(400);
    const strict = await organizationOf(user, { 'mfa.enforcement': 'required', 'mfa.factors': ['totp'] });
    await organizationOf(user, {});
    expect(pathOf(await enter(user))).toBe('second-factor/methods');
    expect(await refusalsOf(user)).toEqual([[strict, 'factor', true, true]]);
  });

  test('by the instance, for no organization', async () => {
    const user = await latchkey.user();
    await organizationOf(user, {});
    const allow = (value: string) => latchkey.run('settings.update', { name: 'networks.allowed', value });
    await allow('["203.0.113.0/24"]');
    expect(pathOf(await enter(user))).toBe('restriction');
    await allow('null');
    expect(await refusalsOf(user)).toEqual([[null, 'network', true, true]]);
    await enter(user);
    expect(await refusalsOf(user)).toHaveLength(1);
  });
});

test('a suspended organization demands nothing, and users of no organization sign in as ever', async () => {
  const user = await latchkey.user();
  const organization = await organizationOf(user, { 'mfa.enforcement': 'required', 'networks.allowed': ['192.0.2.1'] });
  expect(pathOf(await enter(user))).toBe('restriction');
  await latchkey.run('organizations.suspend', { organization_id: organization });
  expect(isDone(await enter(user))).toBe(true);
  expect(isDone(await enter(await latchkey.user()))).toBe(true);
});

describe('a session in this browser', () => {
  test('is no way around the network, the way or the second factor of an organization', async () => {
    const user = await latchkey.user();
    const visitor = new Visitor();
    expect(isDone(await enter(user, { visitor }))).toBe(true);
    expect(isDone(await visitor.open(urlFor()))).toBe(true);
    const organization = await organizationOf(user, { 'networks.allowed': ['203.0.113.0/24'] });
    expect(pathOf(await visitor.open(urlFor()))).toBe('restriction');
    expect(pathOf(await visitor.open(urlFor(organization)))).toBe('restriction');
    await demand(organization, { 'networks.allowed': null, 'signIn.methods': ['emailCode'] });
    const way = await visitor.open(urlFor());
    expect(way.text).toContain('value="email-code"');
    await demand(organization, { 'signIn.methods': null, 'mfa.enforcement': 'required' });
    expect(pathOf(await visitor.open(urlFor()))).toBe('enrol-factor');
    await demand(organization, { 'mfa.enforcement': null });
    expect(isDone(await visitor.open(urlFor()))).toBe(true);
  });

  test('lives as long as the strictest organization of its user allows', async () => {
    const user = await latchkey.user();
    await organizationOf(user, { 'session.idleSeconds': 120, 'session.absoluteSeconds': 600 });
    const visitor = new Visitor();
    expect(isDone(await enter(user, { visitor }))).toBe(true);
    const lives = async (id: string) => {
      const [row] = await latchkey.app.database.sql<{ seconds: number }>(
        `select extract(epoch from expires_at - now())::int as seconds from oidc_artifact
         where kind = 'Session' and payload->>'accountId' = $1 order by expires_at desc limit 1`,
        [id],
      );
      return row?.seconds ?? 0;
    };
    expect(await lives(user.id)).toBeLessThanOrEqual(120);
    const free = await latchkey.user();
    await enter(free);
    expect(await lives(free.id)).toBeGreaterThan(3000);
  });
});

test('a new password meets the rules of all organizations of its user', async () => {
  const user = await latchkey.user();
  const { passwords } = latchkey.app;
  const owner = { userId: user.id as `usr_${string}`, email: user.email };
  await organizationOf(user, { 'password.minimumLength': 24 });
  await organizationOf(user, { 'password.minimumLength': 30, 'password.blockedWords': ['zanzibar'] });
  expect(await passwords.minimumLengthOf(owner.userId)).toBe(30);
  expect(await passwords.check('violet harbour lamp 7', owner)).toEqual({ kind: 'too_short', minimum: 30 });
  const other = await latchkey.user();
  expect(await passwords.minimumLengthOf(other.id as typeof owner.userId)).toBe(15);
});
