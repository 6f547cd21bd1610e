/** Users of the connection of an organization: just-in-time accounts, memberships, roles of groups, and what a connection may not assert. */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromUuid } from '#kernel/ids.ts';
import { type Federation, identitiesOf, someone, startFederation } from '../../support/federation.ts';
import { demand, realmOf, type TestRealm } from '../../support/realms.ts';
import { findUser, newcomer } from '../../support/registration.ts';
import { authorizeUrl, type Page, pkce, post, type Visitor } from '../../support/visitor.ts';

let it: Federation;
beforeAll(async () => {
  it = await startFederation();
  await it.latchkey.run('connections.update', { connection: 'acme', links_by_email: true });
});
afterAll(() => it.close());

const isDone = ({ location }: Page): boolean => location?.includes('code=') ?? false;
const pathOf = ({ url }: Page): string => new URL(url).pathname.replace(/\/interaction\/[\w-]+/, '');
const words = ({ text }: Page): string => text.replaceAll(/<[^>]+>/g, '').replaceAll(/\s+/g, ' ');

/** A user comes back from the connection of an organization, to which the request leads. */
async function arrive(
  { connection }: Pick<TestRealm, 'connection'>,
  person: Record<string, unknown>,
  visitor: Visitor = newcomer(),
) {
  it.tell(person);
  const away = await it.begin(visitor, { connection, prompt: 'login' });
  return { visitor, page: await visitor.open(it.callback(away, connection)) };
}
/** A user of the organization who has no account here. */
const staff = ({ domain }: TestRealm, more: Record<string, unknown> = {}) => {
  const person = someone(more);
  return { ...person, email: `${person.sub}@${domain}`, ...more };
};
async function idOf(email: string): Promise<string> {
  const [row] = await it.latchkey.app.database.sql<{ id: string }>('select id from users where email_canonical = $1', [
    email,
  ]);
  return fromUuid('usr', row?.id ?? '');
}
async function memberOf(realm: TestRealm, email: string): Promise<{ source: string; roles: string[] } | undefined> {
  const { members } = await it.latchkey.run<{ members: { email: string; source: string; roles: string[] }[] }>(
    'organizations.members.list',
    { organization_id: realm.id },
  );
  return members.find((member) => member.email === email);
}
const change = (realm: TestRealm, members: object) =>
  it.latchkey.run('connections.update', { connection: realm.connection, ...members });

describe('a new user', () => {
  test.each([true, undefined])(
    'with an address of the domain (verified: %j) has an account and a membership',
    async (verified) => {
      const acme = await realmOf(it);
      const person = staff(acme, { email_verified: verified });
      expect(isDone((await arrive(acme, person)).page)).toBe(true);
      expect(await findUser(it.latchkey, person.email)).toMatchObject({
        email_verified: true,
        profile: { name: person.name },
      });
      expect(await memberOf(acme, person.email)).toMatchObject({ source: 'connection', roles: ['TENANT_USER'] });
      expect(await identitiesOf(it.latchkey, person.email)).toMatchObject([{ connection: acme.connection }]);
    },
  );

  test('has it where registration is closed, and is asked for required fields', async () => {
    const acme = await realmOf(it);
    const person = staff(acme);
    await it.latchkey.run('settings.update', { name: 'registration.mode', value: 'closed' });
    await it.latchkey.run('settings.update', { name: 'profile.required', value: '["website"]' });
    const { visitor, page } = await arrive(acme, person);
    await it.latchkey.run('settings.update', { name: 'registration.mode', value: 'open' });
    await it.latchkey.run('settings.update', { name: 'profile.required', value: '[]' });
    expect(pathOf(page)).toBe('/profile');
    expect(isDone(await visitor.submit(page, { website: 'https://noor.example' }))).toBe(true);
  });

  test('arrives in a sign-in for the organization, and the domain may demand the connection', async () => {
    const acme = await realmOf(it, 'connection', { group_roles: { ops: ['TENANT_MANAGER'] } });
    const client = await it.latchkey.client({ first_party: true, organization_usage: 'require' });
    const person = staff(acme, { groups: ['ops'] });
    const visitor = newcomer();
    it.tell(person);
    const proof = pkce();
    const login = await visitor.open(authorizeUrl(it.latchkey.base, client, { code_challenge: proof.challenge }));
    const away = await visitor.submit(login, { email: person.email });
    const { location } = await visitor.open(it.callback(away, acme.connection));
    const { body } = await post(`${it.latchkey.base}/oidc/token`, client, {
      grant_type: 'authorization_code',
      code: new URL(location ?? '').searchParams.get('code') ?? '',
      code_verifier: proof.verifier,
      redirect_uri: client.redirect_uris[0] ?? '',
    });
    expect(decodeJwt(body.id_token)).toMatchObject({
      org_id: acme.id,
      org_roles: ['TENANT_MANAGER', 'TENANT_USER'],
    });
    // The session counts for the next request, at another relying party too.
    expect(isDone(await it.begin(visitor))).toBe(true);
  });

  test('gets none where the connection makes none', async () => {
    const acme = await realmOf(it, 'any', { creates_users: false });
    const person = staff(acme);
    expect(words((await arrive(acme, person)).page)).toContain('There is no account here for your');
    expect(await findUser(it.latchkey, person.email)).toBeUndefined();
  });

  test.each([false, 'true', 'false', 1, null])(
    'gets none by an address that the provider calls verified with %j',
    async (verified) => {
      const acme = await realmOf(it);
      const person = staff(acme, { email_verified: verified });
      expect((await arrive(acme, person)).page.status).toBe(403);
      expect(await findUser(it.latchkey, person.email)).toBeUndefined();
    },
  );
});

describe('roles of groups', () => {
  const mapping = { engineering: ['TENANT_MANAGER'], admins: ['TENANT_ADMIN', 'TENANT_MANAGER'] };

  test('follow the provider at each sign-in, and roles that others gave stay', async () => {
    const acme = await realmOf(it, 'any', { group_roles: mapping });
    const person = staff(acme, { groups: ['engineering', 'unknown', 'x'.repeat(300)], roles: 'admins' });
    await arrive(acme, person);
    const roles = async () => (await memberOf(acme, person.email))?.roles;
    expect(await roles()).toEqual(['TENANT_ADMIN', 'TENANT_MANAGER', 'TENANT_USER']);
    await arrive(acme, { ...person, roles: [] });
    expect(await roles()).toEqual(['TENANT_MANAGER', 'TENANT_USER']);
    await it.latchkey.run('organizations.assignments.create', {
      organization_id: acme.id,
      user_id: await idOf(person.email),
      role: 'TENANT_ADMIN',
    });
    await arrive(acme, { ...person, groups: ['admins'], roles: [] });
    await arrive(acme, { ...person, groups: [], roles: [] });
    expect(await roles()).toEqual(['TENANT_ADMIN', 'TENANT_USER']);
    const events = await it.latchkey.app.database.sql<{ type: string }>(
      `select type from audit_record where type like 'role.%assigned' and details->>'role' = 'TENANT_MANAGER' order by at desc limit 2`,
    );
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['role.unassigned', 'role.assigned']));
  });

  test('and names stay as they were at the first sign-in where the connection says so', async () => {
    const acme = await realmOf(it, 'any', { group_roles: mapping, updates_users: false });
    const person = staff(acme, { groups: ['engineering'] });
    await arrive(acme, person);
    await arrive(acme, { ...person, groups: ['admins'], name: 'Another' });
    expect((await memberOf(acme, person.email))?.roles).toEqual(['TENANT_MANAGER', 'TENANT_USER']);
    expect(await findUser(it.latchkey, person.email)).toMatchObject({ profile: { name: person.name } });
    await change(acme, { updates_users: true });
    await arrive(acme, { ...person, groups: ['admins'], name: 'Another' });
    expect((await memberOf(acme, person.email))?.roles).toEqual(['TENANT_ADMIN', 'TENANT_MANAGER', 'TENANT_USER']);
    expect(await findUser(it.latchkey, person.email)).toMatchObject({ profile: { name: 'Another' } });
  });

  test('leave the last owner of an organization', async () => {
    const acme = await realmOf(it, 'any', { group_roles: { owners: ['TENANT_OWNER'] } });
    const person = staff(acme, { groups: ['owners'] });
    await arrive(acme, person);
    expect(isDone((await arrive(acme, { ...person, groups: [] })).page)).toBe(true);
    expect((await memberOf(acme, person.email))?.roles).toContain('TENANT_OWNER');
    const other = staff(acme, { groups: ['owners'] });
    await arrive(acme, other);
    await arrive(acme, { ...person, groups: [] });
    expect((await memberOf(acme, person.email))?.roles).toEqual(['TENANT_USER']);
  });

  test('mean nothing at a connection of the instance', async () => {
    const person = someone({ groups: ['TENANT_OWNER', 'SUPER_ADMIN'], roles: ['SUPER_ADMIN'] });
    it.tell(person);
    const visitor = newcomer();
    expect(isDone(await it.pass(visitor, await it.begin(visitor)))).toBe(true);
    expect(await findUser(it.latchkey, person.email)).toMatchObject({ is_administrator: false });
  });
});

describe('a user with an account', () => {
  test('of the domain signs in to it once, joins by that, and has the roles', async () => {
    const acme = await realmOf(it, 'connection', { group_roles: { ops: ['TENANT_MANAGER'] } });
    const user = await it.latchkey.user({ email: `user@${acme.domain}`, email_verified: true });
    const person = someone({ email: user.email, groups: ['ops'] });
    const { visitor, page } = await arrive(acme, person);
    expect(pathOf(page)).toBe('/federation/confirm');
    expect(await memberOf(acme, user.email)).toBeUndefined();
    const password = await visitor.open(page.url.replace(/\/federation\/confirm$/, ''));
    expect(pathOf(password)).toBe('/password');
    expect(isDone(await visitor.submit(password, { password: user.password }))).toBe(true);
    expect(await memberOf(acme, user.email)).toMatchObject({ roles: ['TENANT_MANAGER', 'TENANT_USER'] });
    expect(isDone((await arrive(acme, person)).page)).toBe(true);
    expect(isDone(await it.begin(visitor))).toBe(true);
  });

  test('who was removed from the organization stays away', async () => {
    const acme = await realmOf(it);
    const person = staff(acme);
    await arrive(acme, person);
    await it.latchkey.run('organizations.members.delete', {
      organization_id: acme.id,
      user_id: await idOf(person.email),
    });
    expect(words((await arrive(acme, person)).page)).toContain('for members of one organization');
    expect(await memberOf(acme, person.email)).toBeUndefined();
  });

  test('by another provider is led to the connection that the domain demands', async () => {
    const acme = await realmOf(it, 'connection');
    const person = staff(acme);
    it.tell(person);
    const visitor = newcomer();
    const away = await it.pass(visitor, await it.begin(visitor));
    expect(new URL(away.location ?? '').searchParams.get('redirect_uri')).toContain(`/federation/${acme.connection}/`);
    expect(await findUser(it.latchkey, person.email)).toBeUndefined();
    const linked = staff(acme);
    await demand(it, acme, 'any');
    it.tell(linked);
    const other = newcomer();
    expect(isDone(await it.pass(other, await it.begin(other)))).toBe(true);
    await demand(it, acme, 'connection');
    it.tell(linked);
    const again = newcomer();
    expect(pathOf(await it.pass(again, await it.begin(again)))).toBe('/restriction');
    expect(pathOf(await it.begin(other))).toBe('/restriction');
  });

  test('stays signed in where the browser remembers the account, and begins with the button of the provider the next time', async () => {
    const acme = await realmOf(it);
    const user = await it.latchkey.user({ email: `user@${acme.domain}`, email_verified: true });
    const visitor = newcomer();
    const atLogin = async (page: Page) => visitor.open(page.url.replace(/(\/interaction\/[\w-]+).*$/, '$1/login'));
    const login = await it.begin(visitor);
    await visitor.submit(login, { email: user.email });
    const password = await visitor.submit(await atLogin(login), { email: user.email });
    expect(isDone(await visitor.submit(password, { password: user.password, remember: '1' }))).toBe(true);
    const { visitor: other, page } = await arrive(acme, someone({ sub: 'kept', email: user.email }));
    const proved = await other.open(page.url.replace(/\/federation\/confirm$/, ''));
    expect(isDone(await other.submit(proved, { password: user.password }))).toBe(true);
    for (const [key, { name }] of visitor.jar) if (!/device|remembered/.test(name)) visitor.jar.delete(key);
    const begun = await it.begin(visitor);
    expect(pathOf(begun)).toBe('/password');
    // The box is ticked there.
    const away = await visitor.submit(await atLogin(begun), { email: user.email, remember: '1' });
    it.tell(someone({ sub: 'kept', email: user.email }));
    const end = await visitor.follow(await visitor.request(it.callback(away, acme.connection)));
    expect(isDone(end)).toBe(true);
    for (const [key, { name }] of visitor.jar) if (!/device|remembered/.test(name)) visitor.jar.delete(key);
    const next = await it.begin(visitor);
    expect([pathOf(next), words(next)]).toEqual([
      `/federation/${acme.connection}`,
      expect.stringContaining(user.email),
    ]);
    expect(next.text).toContain(`/federation/${acme.connection}"`);
  });
});
