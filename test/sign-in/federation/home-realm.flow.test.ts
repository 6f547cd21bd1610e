/** Home realm discovery, and domains that demand a connection of their organization. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Federation, startFederation } from '../../support/federation.ts';
import { demand, realmOf, verifiedDomain } from '../../support/realms.ts';
import { newcomer } from '../../support/registration.ts';
import type { Page, Visitor } from '../../support/visitor.ts';

let it: Federation;
beforeAll(async () => {
  it = await startFederation();
});
afterAll(() => it.close());

const pathOf = ({ url }: Page): string => new URL(url).pathname.replace(/\/interaction\/[\w-]+/, '');
/** The provider and the connection to which a browser is sent; null for a page of ours. */
const awayOf = ({ location }: Page): string | null => {
  const asked = location === null ? null : new URL(location);
  if (asked?.origin !== it.upstream.url) return null;
  return new URL(asked.searchParams.get('redirect_uri') ?? '').pathname.split('/')[2] ?? null;
};
const join = (organization_id: string, user_id: string, role: string) =>
  it.latchkey.run('organizations.members.create', { organization_id, user_id, roles: [role] });
/** A page without what differs with each request. */
const masked = ({ text }: Page): string =>
  text.replaceAll(
    /\/interaction\/[\w-]+|nonce="[^"]+"|value="[\w.-]{20,}"|href="[?][^"]*"|data-local="full">[^<]*|datetime="[^"]*"/g,
    '',
  );
/** Types an address at the first page of a sign-in. */
async function type(email: string, visitor: Visitor = newcomer(), extra = {}) {
  const page = await it.begin(visitor, extra);
  const login = await visitor.open(page.url.replace(/(\/interaction\/[\w-]+).*$/, '$1/login'));
  return { visitor, login, page: await visitor.submit(login, { email }) };
}

describe('a typed address', () => {
  test('of a verified domain leads to the connection of its organization, with and without an account', async () => {
    const acme = await realmOf(it);
    const user = await it.latchkey.user({ email: `user@${acme.domain}`, email_verified: true });
    for (const email of [user.email, `nobody@${acme.domain}`, `USER@${acme.domain.toUpperCase()}`]) {
      const { page } = await type(email);
      expect(awayOf(page)).toBe(acme.connection);
      expect(new URL(page.location ?? '').searchParams.get('login_hint')?.toLowerCase()).toBe(email.toLowerCase());
    }
  });

  test.each(['x{}', 'mail.{}', '{}.example'])('of the domain %s leads nowhere', async (form) => {
    const acme = await realmOf(it);
    const { page } = await type(`user@${form.replace('{}', acme.domain)}`);
    expect([awayOf(page), pathOf(page)]).toEqual([null, '/password']);
  });

  test('leads nowhere while the connection is disabled, the domain not verified, or the organization suspended', async () => {
    const acme = await realmOf(it);
    const led = async () => awayOf((await type(`user@${acme.domain}`)).page);
    expect(await led()).toBe(acme.connection);
    await it.latchkey.run('connections.update', { connection: acme.connection, enabled: false });
    expect(await led()).toBeNull();
    await it.latchkey.run('connections.update', { connection: acme.connection, enabled: true });
    await it.latchkey.run('organizations.suspend', { organization_id: acme.id });
    expect(await led()).toBeNull();
    await it.latchkey.run('organizations.resume', { organization_id: acme.id });
    expect(await led()).toBe(acme.connection);
    await it.latchkey.run('organizations.domains.delete', { organization_id: acme.id, domain_id: acme.domainId });
    expect(await led()).toBeNull();
  });

  test('that is typed again after the way there offers the other ways', async () => {
    const acme = await realmOf(it);
    const { visitor, login } = await type(`user@${acme.domain}`);
    const again = await visitor.submit(login, { email: `user@${acme.domain}` });
    expect([awayOf(again), pathOf(again)]).toEqual([null, '/password']);
    expect(again.text).toMatch(/href="\/interaction\/[\w-]+\/federation"/);
    expect(awayOf(await visitor.submit(login, { email: `other@${acme.domain}` }))).toBe(acme.connection);
  });
});

describe('a domain that demands its connection', () => {
  test('opens no other way for its addresses, with and without an account', async () => {
    const acme = await realmOf(it, 'connection');
    const user = await it.latchkey.user({ email: `user@${acme.domain}`, email_verified: true });
    for (const email of [user.email, `nobody@${acme.domain}`]) {
      const { visitor, login, page } = await type(email);
      expect(awayOf(page)).toBe(acme.connection);
      const chooser = await visitor.submit(login, { email });
      expect([pathOf(chooser), chooser.text.includes('/password"')]).toEqual(['/federation', false]);
      for (const way of ['password', 'email-code', 'passkey', 'forgot']) {
        const led = await visitor.open(login.url.replace(/login$/, way));
        expect([way, pathOf(led)]).toEqual([way, '/federation']);
      }
      const password = await visitor.open(login.url.replace(/login$/, 'password'), { password: user.password });
      expect(pathOf(password)).toBe('/federation');
    }
  });

  test('refuses a proof in every other way at its end, by a username or an additional address too', async () => {
    const acme = await realmOf(it);
    const user = await it.latchkey.user({ email: `user@${acme.domain}`, email_verified: true });
    const { visitor, login } = await type(user.email);
    // The way was open when it began.
    const password = await visitor.submit(login, { email: user.email });
    expect(pathOf(password)).toBe('/password');
    await demand(it, acme, 'connection_or_owner');
    const end = await visitor.submit(password, { password: user.password });
    expect(pathOf(end)).toBe('/restriction');
    expect(end.text).toContain('value="federation"');
    const [event] = await it.latchkey.app.database.sql<{ details: object; organization_id: string }>(
      `select details, organization_id from audit_record where type = 'organization.sign_in_refused' order by at desc limit 1`,
    );
    expect(event).toMatchObject({ details: { reason: 'way' } });
    const on = await visitor.submit(end, { method: 'federation' });
    expect([awayOf(on), pathOf(on)]).toEqual([null, '/federation']);
  });

  test('lets its owners in by their password where it says so, and operators of the instance always', async () => {
    const acme = await realmOf(it, 'connection_or_owner');
    const owner = await it.latchkey.user({ email: `owner@${acme.domain}`, email_verified: true });
    const member = await it.latchkey.user({ email: `member@${acme.domain}`, email_verified: true });
    await join(acme.id, owner.id, 'TENANT_OWNER');
    await join(acme.id, member.id, 'TENANT_ADMIN');
    const operator = await it.latchkey.user({
      email: `root@${acme.domain}`,
      email_verified: true,
    });
    await it.latchkey.run('assignments.create', { user_id: operator.id, role: 'SUPER_ADMIN' });
    const ends = async ({ email, password }: { email: string; password: string }) => {
      const { visitor, login } = await type(email);
      return visitor.submit(await visitor.submit(login, { email }), { password });
    };
    expect((await ends(owner)).location).toContain('code=');
    expect((await ends(operator)).location).toContain('code=');
    expect(pathOf(await ends(member))).toBe('/restriction');
  });

  test('sends no link for a password and none to sign in, and answers alike', async () => {
    const acme = await realmOf(it);
    const user = await it.latchkey.user({ email: `user@${acme.domain}`, email_verified: true });
    const { visitor, login } = await type(user.email);
    await visitor.submit(login, { email: user.email });
    const forgot = await visitor.open(login.url.replace(/login$/, 'forgot'));
    await demand(it, acme, 'connection');
    const alone = await visitor.open(`${it.latchkey.base}/recovery`);
    const sent = await visitor.submit(alone, { email: user.email });
    expect([sent.status, pathOf(forgot), new URL(sent.url).pathname]).toEqual([200, '/forgot', '/recovery/sent']);
    const unknown = await visitor.submit(await visitor.open(`${it.latchkey.base}/recovery`), {
      email: `nobody@${acme.domain}`,
    });
    expect(masked(unknown)).toBe(masked(sent));
    const answers = await it.latchkey.app.database.sql<{ answer: string }>(
      `select details->>'answer' as answer from audit_record where type = 'user.password_reset_requested' order by at desc limit 2`,
    );
    expect(answers.map(({ answer }) => answer)).toEqual(['unknown', 'unknown']);
  });

  test('counts for a link that was sent before', async () => {
    const acme = await realmOf(it);
    const user = await it.latchkey.user({ email: `user@${acme.domain}`, email_verified: true });
    const visitor = newcomer();
    await visitor.submit(await visitor.open(`${it.latchkey.base}/recovery`), { email: user.email });
    const { text } = await it.mails.next(user.email);
    const link = /https?:\/\/\S+\/recovery\/link\/\S+/.exec(text)?.[0] ?? '';
    expect((await visitor.open(link)).text).toContain('type="password"');
    await demand(it, acme, 'connection');
    expect((await newcomer().open(link)).status).toBe(410);
  });

  test('leads a registration to the connection, with and without an account', async () => {
    const acme = await realmOf(it, 'connection');
    const user = await it.latchkey.user({ email: `user@${acme.domain}`, email_verified: true });
    for (const email of [user.email, `new@${acme.domain}`]) {
      const visitor = newcomer();
      const page = await it.begin(visitor, { prompt: 'create' });
      expect(awayOf(await visitor.submit(page, { email, name: 'Noor', password: 'correct horse battery 77' }))).toBe(
        acme.connection,
      );
    }
  });

  test('does not count an existing session, a session by another connection, or a refresh token', async () => {
    const acme = await realmOf(it);
    const user = await it.latchkey.user({ email: `user@${acme.domain}`, email_verified: true });
    const { visitor, login } = await type(user.email);
    const password = await visitor.submit(login, { email: user.email });
    expect((await visitor.submit(password, { password: user.password })).location).toContain('code=');
    expect((await it.begin(visitor)).location).toContain('code=');
    await demand(it, acme, 'connection');
    const again = await it.begin(visitor);
    expect([again.location, pathOf(again)]).toEqual([null, '/restriction']);
    expect(awayOf(await visitor.submit(again, { method: 'federation' }))).toBe(acme.connection);
    const silent = await it.begin(visitor, { prompt: 'none' });
    expect(silent.location).toContain('error=login_required');
  });

  test('without a connection that is ready closes, and says who helps', async () => {
    const acme = await realmOf(it, 'connection');
    await it.latchkey.run('connections.update', { connection: acme.connection, enabled: false });
    const { page } = await type(`user@${acme.domain}`);
    expect([page.status, page.text]).toEqual([403, expect.stringContaining('Ask your administrator')]);
  });

  test('is set where there is a connection alone', async () => {
    const { id } = await it.latchkey.run<{ id: string }>('organizations.create', { name: 'Alone' });
    const { domainId } = await verifiedDomain(it.latchkey, id);
    await expect(demand(it, { id, domainId }, 'connection')).rejects.toThrow('domains.connection_missing');
  });
});

describe('an authorization request', () => {
  test.each(['connection', 'domain_hint'] as const)('names a provider by %s', async (parameter) => {
    const acme = await realmOf(it);
    const value = { connection: acme.connection, domain_hint: acme.domain }[parameter];
    const visitor = newcomer();
    const away = await it.begin(visitor, { [parameter]: value });
    expect(awayOf(away)).toBe(acme.connection);
    expect(awayOf(await it.begin(newcomer(), { [parameter]: value, prompt: 'select_account' }))).toBeNull();
  });

  test.each([
    ['connection', 'no-such-connection'],
    ['connection', 'x'.repeat(3000)],
    ['domain_hint', 'nowhere.example'],
    ['domain_hint', '%'],
  ])('with an unknown %s begins as without it', async (parameter, value) => {
    const plain = await it.begin(newcomer());
    const page = await it.begin(newcomer(), { [parameter]: value });
    expect([page.status, masked(page)]).toEqual([200, masked(plain)]);
  });

  test('leads there once: a user who turns back chooses', async () => {
    const acme = await realmOf(it);
    const visitor = newcomer();
    const away = await it.begin(visitor, { connection: acme.connection });
    const callback = new URL(it.callback(away, acme.connection));
    callback.searchParams.delete('code');
    callback.searchParams.set('error', 'access_denied');
    const page = await visitor.open(callback.href);
    expect([pathOf(page), page.text]).toEqual(['/login', expect.stringContaining('You cancelled signing in')]);
    expect(pathOf(await visitor.open(page.url.replace(/\/login$/, '')))).toBe('/login');
  });
});
