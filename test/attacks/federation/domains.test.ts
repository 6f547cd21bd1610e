/** Attacks on the way from a domain to its connections: claims of others, hints, names of connections, and changes in the middle. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Federation, identitiesOf, someone, startFederation } from '../../support/federation.ts';
import { demand, realmOf, type TestRealm } from '../../support/realms.ts';
import { findUser, newcomer } from '../../support/registration.ts';
import type { Page, Visitor } from '../../support/visitor.ts';

let it: Federation;
let acme: TestRealm;
let evil: TestRealm;
beforeAll(async () => {
  it = await startFederation();
  acme = await realmOf(it);
  evil = await realmOf(it);
});
afterAll(() => it.close());

const isDone = ({ location }: Page): boolean => location?.includes('code=') ?? false;
const pathOf = ({ url }: Page): string => new URL(url).pathname.replace(/\/interaction\/[\w-]+/, '');
const awayOf = ({ location }: Page): string | null =>
  location === null
    ? null
    : (new URL(new URL(location).searchParams.get('redirect_uri') ?? location).pathname.split('/')[2] ?? null);
const masked = ({ text }: Page): string =>
  text.replaceAll(/\/interaction\/[\w-]+|nonce="[^"]+"|value="[^"]*"|href="[?][^"]*"/g, '');
async function type(email: string, visitor: Visitor = newcomer()) {
  return { visitor, page: await visitor.submit(await it.begin(visitor), { email }) };
}

describe('a domain that another organization has verified', () => {
  test('is claimed without any effect, whatever the claim demands and names', async () => {
    const claim = {
      organization_id: evil.id,
      domain: acme.domain,
      sign_in: 'connection',
      connections: [evil.connection],
    };
    await it.latchkey.run('organizations.domains.create', claim);
    const user = await it.latchkey.user({ email: `user@${acme.domain}`, email_verified: true });
    expect(awayOf((await type(user.email)).page)).toBe(acme.connection);
    expect(awayOf(await it.begin(newcomer(), { domain_hint: acme.domain }))).toBe(acme.connection);
    const visitor = newcomer();
    it.tell(someone({ email: user.email }));
    const away = await it.begin(visitor, { connection: evil.connection });
    const end = await visitor.open(it.callback(away, evil.connection));
    expect([end.status, isDone(end)]).toEqual([403, false]);
    expect(await identitiesOf(it.latchkey, user.email)).toEqual([]);
    const own = newcomer();
    const { page } = await type(user.email, own);
    expect(isDone(page)).toBe(false);
    const login = await own.open(page.url.replace(/(\/interaction\/[\w-]+).*$/, '$1/login'));
    expect(awayOf(login) ?? '').not.toBe(evil.connection);
  });

  test('is not led to a connection of another organization by a name', async () => {
    for (const connection of [evil.connection, 'acme'])
      await expect(
        it.latchkey.run('organizations.domains.update', {
          organization_id: acme.id,
          domain_id: acme.domainId,
          connections: [connection],
        }),
      ).rejects.toThrow('domains.connection_unknown');
  });

  test('that names a connection whose slug another organization takes later leads nowhere', async () => {
    const realm = await realmOf(it);
    const named = { organization_id: realm.id, domain_id: realm.domainId, connections: [realm.connection] };
    await it.latchkey.run('organizations.domains.update', named);
    await demand(it, realm, 'connection');
    await it.latchkey.run('connections.delete', { connection: realm.connection, force: true });
    await it.connect(realm.connection, { organization_id: evil.id, name: 'Evil' });
    const { page } = await type(`user@${realm.domain}`);
    expect([page.status, awayOf(page), page.text.includes('Evil')]).toEqual([403, null, false]);
  });
});

describe('a hint', () => {
  test('with an address shows the first page, the same for every domain', async () => {
    const user = await it.latchkey.user({ email: `hinted@${acme.domain}`, email_verified: true });
    const [first, ...others] = await Promise.all(
      [user.email, `nobody@${acme.domain}`, 'nobody@nowhere.example'].map((hint) =>
        it.begin(newcomer(), { login_hint: hint }),
      ),
    );
    for (const page of others) expect([page.status, masked(page)]).toEqual([200, masked(first!)]);
    const silent = await it.begin(newcomer(), { login_hint: user.email, prompt: 'none' });
    expect(silent.location).toContain('error=login_required');
  });
});

describe('a user who is at the page with the buttons', () => {
  const changes: readonly (readonly [string, (realm: TestRealm) => Promise<unknown>])[] = [
    [
      'the connection is disabled',
      ({ connection }) => it.latchkey.run('connections.update', { connection, enabled: false }),
    ],
    ['the connection is deleted', ({ connection }) => it.latchkey.run('connections.delete', { connection })],
    ['the organization is suspended', ({ id }) => it.latchkey.run('organizations.suspend', { organization_id: id })],
    [
      'the domain is removed',
      ({ id, domainId }) =>
        it.latchkey.run('organizations.domains.delete', { organization_id: id, domain_id: domainId }),
    ],
    [
      'the domain names another one',
      ({ id, domainId, connection }) =>
        it.latchkey.run('organizations.domains.update', {
          organization_id: id,
          domain_id: domainId,
          connections: [`${connection}-2`],
        }),
    ],
  ];
  test.each(changes)('%s: leaves for no provider', async (_title, act) => {
    const realm = await realmOf(it);
    await it.connect(`${realm.connection}-2`, { organization_id: realm.id });
    const { visitor, page } = await type(`user@${realm.domain}`);
    expect(pathOf(page)).toBe('/federation');
    await act(realm);
    const pressed = await it.press(visitor, page, realm.connection);
    expect(pressed.location ?? '').not.toContain(it.upstream.url);
  });

  test('comes back as a user of another domain: no account, and no session', async () => {
    const visitor = newcomer();
    const away = await it.begin(visitor, { domain_hint: acme.domain });
    const person = someone({ email: `stranger@${evil.domain}` });
    it.tell(person);
    const end = await visitor.open(it.callback(away, acme.connection));
    expect([end.status, isDone(end)]).toEqual([403, false]);
    expect(await findUser(it.latchkey, person.email)).toBeUndefined();
  });
});
