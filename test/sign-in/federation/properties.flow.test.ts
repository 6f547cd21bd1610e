/** Custom properties of users from the claims of a provider of OpenID Connect and from the attributes of SAML. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { permissions } from '#directory/access/module.ts';
import { fromUuid } from '#kernel/ids.ts';
import { type Federation, someone, startFederation } from '../../support/federation.ts';
import { realmOf } from '../../support/realms.ts';
import { findUser, newcomer } from '../../support/registration.ts';
import { samlPerson, type SamlFederation, startSamlFederation } from '../../support/saml-federation.ts';
import { codeFor } from '../../support/roles.ts';
import type { Page } from '../../support/visitor.ts';

const field = (name: string, type: string, more = {}) => ({ name, label: name, type, ...more });
const settings = {
  'profile.properties': [
    field('team', 'text', { required: true, visibility: 'claims' }),
    field('floor', 'number', { editable: 'operator' }),
    field('contractor', 'boolean', { editable: 'operator', visibility: 'operator' }),
    field('plan', 'choice', { choices: [{ value: 'pro', label: 'Pro' }] }),
  ],
};
const mapping = {
  team: 'department',
  floor: 'office.floor',
  contractor: 'https://acme.example/contractor',
  plan: 'plan',
};

const isDone = ({ location }: Page): boolean => location?.includes('code=') ?? false;
const pathOf = ({ url }: Page): string => new URL(url).pathname.replace(/\/interaction\/[\w-]+/, '');

describe('of OpenID Connect', () => {
  let it: Federation;
  beforeAll(async () => {
    it = await startFederation(settings);
    await it.latchkey.run('connections.update', { connection: 'acme', properties: mapping });
    await it.connect('following', { properties: mapping, updates_properties: true });
  });
  afterAll(() => it?.close());

  const propertiesOf = async (email: string) => (await findUser(it.latchkey, email))?.['properties'];
  async function arrive(person: Record<string, unknown>, slug = 'acme'): Promise<Page> {
    it.tell(person);
    const visitor = newcomer();
    return it.pass(visitor, await it.begin(visitor), slug);
  }
  const eventsOf = async (email: string) => {
    const [user] = await it.latchkey.app.database.sql<{ id: string }>('select id from users where email = $1', [email]);
    return it.latchkey.app.database.sql(
      `select details from audit_record where type = 'user.properties_provided' and subject_id = $1 order by at`,
      [fromUuid('usr', user!.id)],
    );
  };

  test('come from the first sign-in, in their types', async () => {
    const person = someone({
      department: 'Looms',
      office: { floor: '3' },
      'https://acme.example/contractor': 'false',
      plan: ['pro'],
    });
    expect(isDone(await arrive(person))).toBe(true);
    const first = { team: 'Looms', floor: 3, contractor: false, plan: 'pro' };
    expect(await propertiesOf(person.email)).toEqual(first);
    expect(await eventsOf(person.email)).toEqual([
      { details: { connection: 'acme', members: ['contractor', 'floor', 'plan', 'team'], refused: [] } },
    ]);
    await arrive({ ...person, department: 'Dyes' });
    expect(await propertiesOf(person.email)).toEqual(first);
  });

  test('follow the provider where the connection says so, and what it says no more stays', async () => {
    const person = someone({ department: 'Looms', office: { floor: 3 } });
    await arrive(person, 'following');
    await arrive({ ...person, department: 'Dyes', office: undefined }, 'following');
    expect(await propertiesOf(person.email)).toEqual({ team: 'Dyes', floor: 3 });
    const { length } = await eventsOf(person.email);
    await arrive({ ...person, department: 'Dyes' }, 'following');
    expect(await eventsOf(person.email)).toHaveLength(length);
  });

  test.each<[string, unknown]>([
    ['markup', '<img src=x onerror=alert(1)>'],
    ['a long text', 'x'.repeat(100_000)],
    ['an object', { $ne: 1 }],
    ['several values', ['Looms', 'Dyes']],
    ['a nested list', [['Looms']]],
  ])('with %s for a required one: the user is asked, and the sign-in goes on', async (_what, department) => {
    const person = someone({ department, office: { floor: 'high' }, plan: 'gold' });
    it.tell(person);
    const visitor = newcomer();
    const page = await it.pass(visitor, await it.begin(visitor));
    expect(pathOf(page)).toBe('/profile');
    expect(await eventsOf(person.email)).toEqual([
      { details: { connection: 'acme', members: [], refused: ['floor', 'plan', 'team'] } },
    ]);
    expect(isDone(await visitor.submit(page, { property_team: 'Looms' }))).toBe(true);
    expect(await propertiesOf(person.email)).toEqual({ team: 'Looms' });
  });

  test('are written to an account that the form made, and keep what its user said', async () => {
    const person = someone({ email_verified: false, department: 'Looms', office: { floor: 3 } });
    it.tell(person);
    const visitor = newcomer();
    const form = await it.pass(visitor, await it.begin(visitor));
    const check = await visitor.submit(form, {
      name: person.name,
      email: person.email,
      property_team: 'Dyes',
    });
    expect(isDone(await visitor.submit(check, { code: (await it.mails.next(person.email)).code }))).toBe(true);
    expect(await propertiesOf(person.email)).toEqual({ team: 'Dyes', floor: 3 });
  });

  test('are read from userinfo where the ID token lacks them', async () => {
    const person = someone();
    it.upstream.openid(
      it.upstream.url,
      ({ body }) => ({
        ...person,
        iss: it.upstream.url,
        aud: 'latchkey',
        exp: Math.floor(Date.now() / 1000) + 60,
        iat: Math.floor(Date.now() / 1000),
        nonce: body.get('code'),
      }),
      { userinfo_endpoint: `${it.upstream.url}/userinfo` },
    );
    it.upstream.answers[`${it.upstream.url}/userinfo`] = { sub: person.sub, department: 'Looms' };
    // A change makes the node read the addresses of the provider again.
    await it.latchkey.run('connections.update', { connection: 'acme', properties: { team: 'department' } });
    expect(isDone(await arrive(person))).toBe(true);
    expect(await propertiesOf(person.email)).toEqual({ team: 'Looms' });
  });

  test('are chosen by an operator, among those that exist', async () => {
    const change = { connection: 'acme', properties: { salary: 'salary' } };
    await expect(it.latchkey.run('connections.update', change)).rejects.toThrow('there is no property salary');
    const realm = await realmOf(it);
    // An owner has every right in the organization, and none on the instance.
    const owner = Object.keys(permissions).filter((name) => name.startsWith('organization.'));
    const changeAs = (held: readonly string[], members: object) =>
      codeFor(it.latchkey, held, 'organizations.connections.update', {
        organization_id: realm.id,
        connection: realm.connection,
        ...members,
      });
    expect(await changeAs(owner, { name: 'Staff' })).toBeNull();
    for (const members of [{ properties: { team: 'department' } }, { updates_properties: true }])
      expect(await changeAs(owner, members)).toBe('access.permissions_not_held');
    expect(await changeAs([...owner, 'connections.manage'], { properties: { team: 'department' } })).toBeNull();
  });
});

describe('of SAML', () => {
  let it: SamlFederation;
  beforeAll(async () => {
    it = await startSamlFederation(settings);
    const properties = { team: 'department', floor: 'urn:acme:floor', contractor: 'contractor' };
    await it.latchkey.run('connections.update', { connection: 'acme', properties });
  });
  afterAll(() => it?.close());

  test('are read from attributes, and several values of one are refused', async () => {
    const person = samlPerson();
    const attributes = { ...person.attributes, department: 'Looms', 'urn:acme:floor': '3', contractor: ['1', '0'] };
    expect(isDone((await it.arrive({ ...person, attributes })).page)).toBe(true);
    expect((await findUser(it.latchkey, person.email))?.['properties']).toEqual({ team: 'Looms', floor: 3 });
    const events = await it.latchkey.app.database.sql(
      `select details from audit_record where type = 'user.properties_provided'`,
    );
    expect(events).toEqual([{ details: { connection: 'acme', members: ['floor', 'team'], refused: ['contractor'] } }]);
  });
});
