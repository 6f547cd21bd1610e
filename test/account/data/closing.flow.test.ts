import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { DAY, MINUTE } from '#kernel/clock.ts';
import { eventsOf, isSignIn, prove, send, signInTo, travel } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { tokensFor, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let shop: TestClient;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({
    env: mails.env,
    settings: {
      'profile.properties': [
        { name: 'team', type: 'text', label: 'Team' },
        { name: 'rating', type: 'number', label: 'Rating', editable: 'operator', visibility: 'operator' },
      ],
    },
  });
  shop = await latchkey.client({ name: 'Shop' });
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const at = (path: string) => `${latchkey.base}${path}`;
const sql = <T = Record<string, unknown>>(text: string, values: unknown[] = []) =>
  latchkey.app.database.sql<T & Record<string, unknown>>(text, values);
const exists = async ({ email }: TestUser) => (await sql('select 1 from users where email = $1', [email])).length > 0;
/** The clean-up that runs every few minutes. */
const cleanUp = () => latchkey.app.closing.purge(1000);

describe('download of a user’s data', () => {
  test('contains all stored data and no secret, notifies the owner, and is in the audit log', async () => {
    const { visitor, user } = await signInTo(latchkey);
    await send(visitor, at('/account/profile'), { name: 'Noor Haddad' });
    await sql(`update users set properties = '{"team":"Red","rating":5}' where email = $1`, [user.email]);
    await sql(
      `insert into user_identity (connection, issuer, subject, user_id, created_at) select 'ldap', '', 'cn=noor', id, now() from users where email = $1`,
      [user.email],
    );
    await latchkey.run('users.properties.update', { user_id: user.id, set: { rating: 4 } });
    await tokensFor(latchkey.base, shop, user, { scope: 'openid profile' });
    const page = await send(visitor, at('/account/data/download'));
    expect(page.status).toBe(200);
    expect(page.headers.get('content-disposition')).toBe('attachment; filename="my-data.json"');
    expect(page.headers.get('cache-control')).toBe('no-store');
    const data = JSON.parse(page.text) as Record<string, unknown>;
    expect(data).toMatchObject({
      id: user.id,
      profile: { name: 'Noor Haddad' },
      emails: [{ email: user.email, first: true, verified: false }],
      properties: { team: 'Red' },
      identities: [{ connection: 'ldap', subject: 'cn=noor' }],
      sign_in: { passkeys: [], authenticator_app: null },
      sessions: [{ ip: '127.0.0.1' }, { ip: '127.0.0.1' }],
      apps: [{ name: 'Shop', scopes: ['profile'] }],
    });
    // Operator-only properties stay hidden, and so do the events that name them.
    expect(data['properties']).toEqual({ team: 'Red' });
    expect(page.text).not.toMatch(/rating|user\.properties_changed/);
    expect(await eventsOf(latchkey, user)).toContain('user.properties_changed');
    expect(JSON.stringify(data['activity'])).toContain('user.profile_changed');
    const hashes = await sql<{ hash: string }>(
      `select hash from password_credential p join users u on u.id = p.user_id where u.email = $1`,
      [user.email],
    );
    const cookies = [...visitor.jar.values()].map(({ value }) => value);
    for (const secret of [user.password, hashes[0]!.hash, ...cookies]) expect(page.text).not.toContain(secret);
    await mails.next(user.email, /data was downloaded/);
    expect(await eventsOf(latchkey, user)).toContain('user.data_downloaded');
  });

  test('needs a session and the form of the page', async () => {
    const { visitor } = await signInTo(latchkey);
    expect((await visitor.open(at('/account/data/download'))).headers.get('content-disposition')).toBeNull();
    expect((await visitor.request(at('/account/data/download'), { form: { csrf: 'x' } })).status).toBe(403);
  });
});

describe('account deletion', () => {
  test('signs out everywhere, says until when it can be cancelled, and keeps the account for these days', async () => {
    const here = await signInTo(latchkey);
    const there = await signInTo(latchkey, here.user);
    const page = await send(here.visitor, at('/account/close'), { email: here.user.email });
    expect(page.location).toMatch(/\/account\/closed\?until=\d{4}-\d\d-\d\d$/);
    expect((await here.visitor.open(page.location ?? '')).text).toContain('Your account is being closed');
    for (const { visitor } of [here, there]) expect(isSignIn(await visitor.open(at('/account')))).toBe(true);
    const mail = await mails.next(here.user.email, /being closed/);
    expect(mail.text).toContain(at('/account'));
    travel(13 * DAY);
    await cleanUp();
    expect(await exists(here.user)).toBe(true);
  });

  test.each([
    ['nothing typed', '', 'Type your email address'],
    ['another address', 'other@else.example', 'Enter the email address of this account'],
  ])('is refused with %s', async (_what, email, text) => {
    const { visitor, user } = await signInTo(latchkey);
    const page = await visitor.follow(await send(visitor, at('/account/close'), { email }));
    expect(page.isRefused).toBe(true);
    expect(page.text).toContain(text);
    const [row] = await sql<{ deletes_at: unknown }>('select deletes_at from users where email = $1', [user.email]);
    expect(row?.deletes_at).toBeNull();
  });

  test('is cancelled by a sign-in, and the page and a mail say so', async () => {
    const person = await signInTo(latchkey);
    await send(person.visitor, at('/account/close'), { email: person.user.email });
    travel(2 * DAY);
    const visitor = new Visitor();
    const page = await prove(visitor, await visitor.open(at('/account')), person.user);
    expect(page.text).toContain('Your account won’t be closed');
    await mails.next(person.user.email, /account won’t be closed/);
    travel(20 * DAY);
    await cleanUp();
    expect(await exists(person.user)).toBe(true);
  });

  test('erases the user after the days of grace; the audit log keeps no personal data and its chain verifies', async () => {
    const { visitor, user } = await signInTo(latchkey, undefined, { 'user-agent': 'A very own browser/1.0' });
    await send(visitor, at('/account/profile'), { name: 'Noor Haddad' });
    await tokensFor(latchkey.base, shop, user, { scope: 'openid profile' });
    await send(visitor, at('/account/close'), { email: user.email });
    travel(15 * DAY);
    await cleanUp();
    await mails.next(user.email, /account has been closed/);
    expect(await exists(user)).toBe(false);
    expect(await sql('select 1 from oidc_artifact where account_id = $1', [user.id])).toEqual([]);
    expect(await sql('select 1 from consent c left join users u on u.id = c.user_id where u.id is null')).toEqual([]);
    const events = await sql(
      `select type, ip, user_agent, details::text as details from audit_record where subject_id = $1 and type <> 'user.erased'`,
      [user.id],
    );
    expect(events.length).toBeGreaterThan(4);
    for (const event of events) expect(event).toMatchObject({ ip: null, user_agent: null, details: '{}' });
    expect(await eventsOf(latchkey, user)).toContain('user.erased');
    await latchkey.app.sealer.seal();
    expect(await latchkey.run('audit.verify')).toMatchObject({ intact: true, unsealed: 0 });
    // The address is free again, and the old password signs no user in.
    vi.useRealTimers();
    const stranger = new Visitor();
    expect((await prove(stranger, await stranger.open(at('/account')), user)).isRefused).toBe(true);
    await latchkey.user({ email: user.email });
  });

  test('happens at once if the days of grace are zero', async () => {
    const { visitor, user } = await signInTo(latchkey);
    await latchkey.run('settings.update', { name: 'account.deletionDays', value: '0' });
    try {
      expect((await visitor.open(at('/account/close'))).text).toContain(
        'All your data is permanently erased right away.',
      );
      const page = await send(visitor, at('/account/close'), { email: user.email });
      expect(page.location).toBe(at('/account/closed'));
      expect(await exists(user)).toBe(false);
      await mails.next(user.email, /account has been closed/);
    } finally {
      await latchkey.run('settings.update', { name: 'account.deletionDays', value: '14' });
    }
  });

  test('is refused to the only administrator, and succeeds for one of two at once', async () => {
    const admins = [await latchkey.user(), await latchkey.user()];
    for (const { email } of admins) await sql('update users set is_administrator = true where email = $1', [email]);
    const people = await Promise.all(admins.map((user) => signInTo(latchkey, user)));
    const tokens = await Promise.all(
      people.map(async ({ visitor }) => ({ visitor, page: await visitor.open(at('/account/close')) })),
    );
    const answers = await Promise.all(
      tokens.map(({ visitor, page }, one) => visitor.submit(page, { email: admins[one]!.email }, 'confirm')),
    );
    expect(answers.filter(({ isRefused }) => isRefused)).toHaveLength(1);
    expect(answers.map(({ text }) => text).join()).toContain('You are the only administrator');
    await sql('update users set is_administrator = false where is_administrator');
  });

  test('is refused to the only owner of an organization, and the page names it', async () => {
    const { visitor, user } = await signInTo(latchkey);
    const { id: organization_id } = await latchkey.run('organizations.create', { name: 'Acme <Ltd>', owner: user.id });
    const refused = await visitor.submit(await visitor.open(at('/account/close')), { email: user.email }, 'confirm');
    expect(refused.isRefused).toBe(true);
    expect(refused.text).toContain('You are the only owner');
    expect(refused.text).toContain('<li><bdi>Acme &lt;Ltd&gt;</bdi></li>');
    expect(refused.text).toContain('href="/account/organizations"');
    const { id: user_id } = await latchkey.user();
    await latchkey.run('organizations.members.create', { organization_id, user_id, roles: ['TENANT_OWNER'] });
    expect((await send(visitor, at('/account/close'), { email: user.email })).location).toMatch(/account\/closed/);
  });

  test('is refused to another user, and in a session older than five minutes', async () => {
    const [alice, mallory] = [await signInTo(latchkey), await signInTo(latchkey)];
    expect((await send(mallory.visitor, at('/account/close'), { email: alice.user.email })).isRefused).toBe(true);
    travel(6 * MINUTE);
    const late = await send(alice.visitor, at('/account/close'), { email: alice.user.email });
    expect(late.location).toContain('/oidc/auth?');
    const rows = await sql('select 1 from users where email = any($1::text[]) and deletes_at is not null', [
      `{${alice.user.email},${mallory.user.email}}`,
    ]);
    expect(rows).toEqual([]);
  });
});
