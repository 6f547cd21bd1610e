/** A domain whose organization has several connections: which of them it uses, and who chooses among them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Federation, someone, startFederation } from '../../support/federation.ts';
import { demand, realmOf, type TestRealm, verifiedDomain } from '../../support/realms.ts';
import { findUser, newcomer } from '../../support/registration.ts';
import { type Page, type Visitor } from '../../support/visitor.ts';

let it: Federation;
beforeAll(async () => {
  it = await startFederation();
});
afterAll(() => it.close());

const isDone = ({ location }: Page): boolean => location?.includes('code=') ?? false;
const pathOf = ({ url }: Page): string => new URL(url).pathname.replace(/\/interaction\/[\w-]+/, '');
/** The connection to which a browser is sent; null for a page of ours. */
const awayOf = ({ location }: Page): string | null => {
  const asked = location === null ? null : new URL(location);
  return asked?.origin === it.upstream.url
    ? (new URL(asked.searchParams.get('redirect_uri') ?? '').pathname.split('/')[2] ?? null)
    : null;
};
/** The connections whose buttons a page has. */
const buttonsOn = ({ text }: Page): string[] =>
  [...text.matchAll(/formaction="[^"]*\/federation\/([\w-]+)"/g)].map(([, slug = '']) => slug);
/** An organization with a second connection for the same people. */
async function severalOf(signIn: 'any' | 'connection' = 'any'): Promise<TestRealm & { second: string }> {
  const realm = await realmOf(it, signIn);
  const second = `${realm.connection}-2`;
  await it.connect(second, { organization_id: realm.id, name: 'Contractors' });
  return { ...realm, second };
}
const use = ({ id, domainId }: Pick<TestRealm, 'id' | 'domainId'>, ...connections: string[]) =>
  it.latchkey.run<{ connections: string[] }>('organizations.domains.update', {
    organization_id: id,
    domain_id: domainId,
    connections,
  });
async function type(email: string, visitor: Visitor = newcomer(), extra = {}) {
  const page = await it.begin(visitor, extra);
  const login = await visitor.open(page.url.replace(/(\/interaction\/[\w-]+).*$/, '$1/login'));
  return { visitor, login, page: await visitor.submit(login, { email }) };
}
/** Comes back from the provider as a user of this domain. */
async function back(visitor: Visitor, away: Page, domain: string, person = someone()) {
  const email = `${person.sub}@${domain}`;
  it.tell({ ...person, email });
  return { email, person, page: await visitor.open(it.callback(away, awayOf(away) ?? '')) };
}

describe('a typed address of a domain with several connections', () => {
  test.each(['any', 'connection'] as const)('has its user choose (%s), with and without an account', async (signIn) => {
    const acme = await severalOf(signIn);
    const user = await it.latchkey.user({ email: `user@${acme.domain}`, email_verified: true });
    for (const email of [user.email, `nobody@${acme.domain}`]) {
      const { visitor, page } = await type(email);
      expect([awayOf(page), pathOf(page)]).toEqual([null, '/federation']);
      expect(buttonsOn(page)).toEqual([acme.connection, acme.second]);
      expect(page.text.includes('/password"')).toBe(signIn === 'any');
      expect(awayOf(await it.press(visitor, page, acme.second))).toBe(acme.second);
    }
  });

  test('goes to the one that the request names, or that this browser used last', async () => {
    const acme = await severalOf();
    const named = await type(`user@${acme.domain}`, newcomer(), { connection: acme.second, prompt: 'select_account' });
    expect(awayOf(named.page)).toBe(acme.second);
    const { visitor, page } = await type(`user@${acme.domain}`);
    expect(isDone((await back(visitor, await it.press(visitor, page, acme.second), acme.domain)).page)).toBe(true);
    for (const [key, { name }] of visitor.jar) if (/session/.test(name)) visitor.jar.delete(key);
    const again = await type(`another@${acme.domain}`, visitor);
    expect(awayOf(again.page)).toBe(acme.second);
    // A user who comes back chooses.
    const choice = await visitor.submit(again.login, { email: `another@${acme.domain}` });
    expect(buttonsOn(choice)).toEqual([acme.second, acme.connection]);
  });

  test('goes to the only one that the domain names, and each domain names its own', async () => {
    const acme = await severalOf();
    const other = await verifiedDomain(it.latchkey, acme.id);
    await use(acme, acme.connection);
    await use({ id: acme.id, domainId: other.domainId }, acme.second);
    expect(awayOf((await type(`user@${acme.domain}`)).page)).toBe(acme.connection);
    expect(awayOf((await type(`user@${other.domain}`)).page)).toBe(acme.second);
    await use(acme);
    expect(pathOf((await type(`user@${acme.domain}`)).page)).toBe('/federation');
  });
});

describe('`domain_hint` of a domain with several connections', () => {
  test('has the user choose before an address is typed, and the last one used decides', async () => {
    const acme = await severalOf();
    const visitor = newcomer();
    const page = await it.begin(visitor, { domain_hint: acme.domain });
    expect([page.location, buttonsOn(page)]).toEqual([null, [acme.connection, acme.second]]);
    expect(page.text).toMatch(/href="\/interaction\/[\w-]+\/login"/);
    await back(visitor, await it.press(visitor, page, acme.second), acme.domain);
    for (const [key, { name }] of visitor.jar) if (/session/.test(name)) visitor.jar.delete(key);
    expect(awayOf(await it.begin(visitor, { domain_hint: acme.domain }))).toBe(acme.second);
    expect(awayOf(await it.begin(visitor, { domain_hint: acme.domain, connection: acme.connection }))).toBe(
      acme.connection,
    );
  });
});

describe('a domain that demands one of the connections', () => {
  test('takes no sign-in by another one of the organization, at its end and in a session', async () => {
    const acme = await severalOf();
    const { visitor, page } = await type(`user@${acme.domain}`);
    const { email, person, page: end } = await back(visitor, await it.press(visitor, page, acme.second), acme.domain);
    expect(isDone(end)).toBe(true);
    await demand(it, acme, 'connection');
    expect(isDone(await it.begin(visitor))).toBe(true);
    await use(acme, acme.connection);
    expect(pathOf(await it.begin(visitor))).toBe('/restriction');
    expect(pathOf(await visitor.open(`${it.latchkey.base}/account`))).toBe('/restriction');
    const other = newcomer();
    it.tell({ ...person, email });
    const away = await it.begin(other, { connection: acme.second });
    expect(pathOf(await other.open(it.callback(away, acme.second)))).toBe('/restriction');
  });

  test.each(['any', 'connection'] as const)(
    'leads a new user of another one of the organization to it (%s), and makes no account before',
    async (signIn) => {
      const acme = await severalOf(signIn);
      await use(acme, acme.connection);
      const visitor = newcomer();
      const away = await it.begin(visitor, { connection: acme.second });
      const { email, page } = await back(visitor, away, acme.domain);
      expect(awayOf(page)).toBe(acme.connection);
      expect(await findUser(it.latchkey, email)).toBeUndefined();
      expect(isDone((await back(visitor, page, acme.domain)).page)).toBe(true);
    },
  );

  test('stays closed while that one is disabled or deleted, although another is ready', async () => {
    const acme = await severalOf();
    await use(acme, acme.connection);
    await demand(it, acme, 'connection');
    await it.latchkey.run('connections.update', { connection: acme.connection, enabled: false });
    expect((await type(`user@${acme.domain}`)).page.status).toBe(403);
    await it.latchkey.run('connections.delete', { connection: acme.connection, force: true });
    expect((await type(`user@${acme.domain}`)).page.status).toBe(403);
    expect((await demand(it, acme, 'any')) as object).toMatchObject({ connections: [acme.connection] });
  });
});

describe('the connections of a domain', () => {
  test('are of its organization, and one is ready where they are demanded', async () => {
    const [acme, other] = [await severalOf(), await realmOf(it)];
    await expect(use(acme, other.connection)).rejects.toThrow('domains.connection_unknown');
    await expect(use(acme, 'acme')).rejects.toThrow('domains.connection_unknown');
    await it.latchkey.run('connections.update', { connection: acme.second, enabled: false });
    expect(await use(acme, acme.second)).toMatchObject({ connections: [acme.second] });
    await expect(demand(it, acme, 'connection')).rejects.toThrow('domains.connection_missing');
    await use(acme, acme.connection);
    await demand(it, acme, 'connection');
    await expect(use(acme, acme.second)).rejects.toThrow('domains.connection_missing');
    const [event] = await it.latchkey.app.database.sql<{ details: object }>(
      `select details from audit_record where type = 'organization.domain_changed' and details->>'member' = 'connections' order by at desc limit 1`,
    );
    expect(event?.details).toMatchObject({ before: acme.second, after: acme.connection });
  });
});
