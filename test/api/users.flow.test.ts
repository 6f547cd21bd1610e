/** Users over the management API: lists, changes, the end of an account and its restoration. */
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { byClient } from '#audit/module.ts';
import { permissions } from '#directory/access/module.ts';
import { runFor } from '#kernel/operations/bound-operation.ts';
import { type ApiAnswer, callApi, clientTokens, machineWith, refusalOf } from '../support/api.ts';
import { startTestApp, type TestApp, type TestUser } from '../support/app.ts';
import { type Mails, openMails } from '../support/mails.ts';
import { givenTo } from '../support/operations.ts';
import { authorizeUrl, pkce, tokensFor, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let token: string;
const ada = {} as Record<'id', string>;
let group: string;

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({
    env: mails.env,
    settings: {
      'users.username': 'optional',
      'limits.apiCallsPerMinute': 100_000,
      'profile.properties': [
        { name: 'team', type: 'text', label: 'Team' },
        { name: 'rating', type: 'number', label: 'Rating', editable: 'operator', visibility: 'operator' },
      ],
    },
  });
  const scope = 'users.read users.manage instance.administer';
  const robot = await machineWith(latchkey, '*');
  ({ access_token: token } = await clientTokens(latchkey, robot, { scope }));
  const made = await created({
    email: 'Ada@List.example',
    username: 'countess',
    phone_number: '+12025550123',
    legacy_id: 'old:1',
    name: 'Ada Lovelace',
    family_name: 'Lovelace',
  });
  ada.id = made.body['id'] as string;
  for (const name of ['Barbara', 'charles', 'Dorothy'])
    await created({ email: `${name.toLowerCase()}@list.example`, given_name: name, family_name: 'Weber' });
  const { users } = await listed('email=dorothy@list.example');
  const organization = { name: 'Weber', owner: users[0]!.id };
  group = (await latchkey.run<{ id: string }>('organizations.create', organization)).id;
  await latchkey.run('assignments.create', { user_id: ada.id, role: 'TENANT_MANAGER' });
  await call('POST', `/v1/users/${users[0]!.id}/disable`, { force: true });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

type Listed = { users: { id: string; email?: string }[]; next_cursor: string | null; total?: number };

const call = (method: string, path: string, json?: unknown): Promise<ApiAnswer> =>
  callApi(latchkey, path, { method, token, ...(json === undefined ? {} : { json }) });
const created = (json: object) => call('POST', '/v1/users', json);
const listed = async (query: string) => (await call('GET', `/v1/users?${query}`)).body as unknown as Listed;
const namesOf = ({ users }: Listed) => users.map(({ email = '' }) => email.split('@')[0]!.toLowerCase());
const read = async ({ id }: { id: string }) => (await call('GET', `/v1/users/${id}`)).body;

describe('users.list', () => {
  const everyone = ['ada', 'barbara', 'charles', 'dorothy'];
  const cases: readonly [query: string, names: readonly string[]][] = [
    ['', everyone],
    ['sort=-created_at', everyone.toReversed()],
    ['sort=email', everyone],
    ['sort=name', everyone],
    ['sort=-name', everyone.toReversed()],
    ['search=ADA@', ['ada']],
    ['search=count', ['ada']],
    ['search=Ada%20L', ['ada']],
    ['search=charles%20w', ['charles']],
    ['search=weber', ['barbara', 'charles', 'dorothy']],
    ['search=weber&sort=-name&limit=2', ['dorothy', 'charles']],
    ['search=%2B1%20(202)%20555', ['ada']],
    ['search=old:1', ['ada']],
    ['search=old', []],
    ['search=%25', []],
    ['email=ada@LIST.example', ['ada']],
    ['email=nothing', []],
    ['username=Countess', ['ada']],
    ['phone_number=%2B1%20202%20555%200123', ['ada']],
    ['phone_number=12', []],
    ['legacy_id=old:1', ['ada']],
    ['status=disabled', ['dorothy']],
    ['status=active&search=weber', ['barbara', 'charles']],
    ['administrator=true', []],
    ['administrator=false', everyone],
    ['closing=true', []],
    ['closing=false', everyone],
    ['has_second_factor=true', []],
    ['has_second_factor=false', everyone],
    ['role=TENANT_MANAGER', ['ada']],
    ['role=TENANT_OWNER', []],
    ['created_after=2020-01-01T00:00:00.000Z', everyone],
    ['created_before=2020-01-01T00:00:00.000Z', []],
    ['organization_id=org_01h455vb4pex5vsknk084sn02q', []],
  ];
  test.each(cases)('%s', async (query, names) => {
    expect(namesOf(await listed(query))).toEqual(names);
  });

  test('finds members of an organization, and the holders of a role there', async () => {
    expect(namesOf(await listed(`organization_id=${group}`))).toEqual(['dorothy']);
    expect(namesOf(await listed(`organization_id=${group}&role=TENANT_OWNER`))).toEqual(['dorothy']);
    expect(namesOf(await listed(`organization_id=${group}&role=TENANT_MANAGER`))).toEqual([]);
  });

  test.each(['created_at', '-created_at', 'email', '-email', 'name', '-name'])(
    'gives every user once, page by page, by %s',
    async (sort) => {
      const found: string[] = [];
      let cursor = '';
      for (let pages = 0; pages < 4; pages++) {
        const page = await listed(`sort=${sort}&limit=1&include_total=true${cursor}`);
        expect(page.total).toBe(4);
        found.push(...namesOf(page));
        cursor = `&cursor=${page.next_cursor}`;
        expect(page.next_cursor === null).toBe(pages === 3);
      }
      expect(found.toSorted()).toEqual(everyone);
    },
  );

  test.each(['sort=last_active_at', 'status=gone', 'limit=201', 'search=', 'role='])('refuses %s', async (query) => {
    expect(refusalOf(await call('GET', `/v1/users?${query}`))).toEqual([422, 'input.invalid']);
  });

  test('has indexes that carry its orders and its filters', async () => {
    const indexes = await latchkey.app.database.sql<{ indexname: string }>(
      "select indexname from pg_indexes where tablename = 'users' and indexname like '%\\_index'",
    );
    expect(indexes.map(({ indexname }) => indexname).toSorted()).toEqual(
      ['administrator', 'created_at', 'deletes_at', 'disabled', 'email_order', 'family_name', 'name_order']
        .concat('phone_number', 'username_order')
        .map((name) => `users_${name}_index`),
    );
  });
});

test('users.create answers what users.read shows', async () => {
  const answer = await created({ email: 'new@read.example', password: 'correct horse battery staple 9', name: 'New' });
  expect(answer.status).toBe(201);
  expect(answer.body).toMatchObject({ credentials: [{ method: 'password' }], properties: {}, last_active_at: null });
  expect(await read(answer.body as never)).toEqual(answer.body);
});

describe('users.update', () => {
  const change = (id: string, json: object) => call('PATCH', `/v1/users/${id}`, json);

  test('changes what is named, removes what is null, and keeps the rest', async () => {
    const given = { name: 'Noor', nickname: 'N', address: { country: 'UK', locality: 'Bath' }, legacy_id: 'old:n' };
    const { id } = await latchkey.user(given);
    await latchkey.run('users.properties.update', { user_id: id, set: { team: 'Red', rating: 3 } });
    const answer = await change(id, {
      nickname: null,
      family_name: 'Haddad',
      address: { locality: null, region: 'Avon' },
      legacy_id: null,
      properties: { rating: null, team: 'Blue' },
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      name: 'Noor',
      family_name: 'Haddad',
      address: { country: 'UK', region: 'Avon' },
      properties: { team: 'Blue' },
    });
    for (const member of ['nickname', 'legacy_id']) expect(answer.body).not.toHaveProperty(member);
    expect(await read({ id })).toMatchObject(answer.body);
    const events = await latchkey.app.database.sql(
      `select type, actor_type, details from audit_record where subject_id = $1
       and type in ('user.profile_changed', 'user.properties_changed') and actor_type = 'client' order by type`,
      [id],
    );
    expect(events).toMatchObject(
      [
        { details: { members: ['nickname', 'address', 'family_name', 'legacy_id'] } },
        { details: { members: ['rating', 'team'] } },
      ].map(({ details }) => ({ details: { members: expect.arrayContaining(details.members) as string[] } })),
    );
  });

  test('writes nothing where nothing differs', async () => {
    const { id } = await latchkey.user({ name: 'Same' });
    const before = await read({ id });
    expect((await change(id, { name: 'Same', nickname: null, properties: {} })).status).toBe(200);
    expect((await change(id, {})).status).toBe(200);
    expect(await read({ id })).toEqual(before);
  });

  test.each<[json: object, errors: string]>([
    [{ email: 'other@example.com' }, 'email'],
    [{ email_verified: true }, 'email_verified'],
    [{ username: 'other' }, 'username'],
    [{ phone_number: '+12025550199' }, 'phone_number'],
    [{ password: 'correct horse battery staple 9' }, 'password'],
    [{ administrator: true }, 'administrator'],
    [{ status: 'disabled' }, 'status'],
    [{ id: 'usr_01h455vb4pex5vsknk084sn02q' }, 'id'],
    [{ created_at: '2020-01-01T00:00:00.000Z' }, 'created_at'],
    [{ deletes_at: null }, 'deletes_at'],
    [{ password_update_required: true }, 'password_update_required'],
    [{ birthdate: 'yesterday' }, 'birthdate'],
    [{ address: { planet: 'Mars' } }, 'address.planet'],
    [{ address: 'Bath' }, 'address'],
    [{ legacy_id: '' }, 'legacy_id'],
    [{ properties: [] }, 'properties'],
  ])('refuses %o', async (json, member) => {
    const answer = await change(ada.id, json);
    expect(refusalOf(answer)).toEqual([422, 'input.invalid']);
    expect(Object.keys(answer.body['errors'] as object)).toEqual([member]);
  });

  test.each<[json: object, status: number, code: string]>([
    [{ legacy_id: 'old:1' }, 409, 'users.legacy_id_taken'],
    [{ properties: { size: 3 } }, 422, 'users.properties_invalid'],
    [{ properties: { rating: 'high' } }, 422, 'users.properties_invalid'],
  ])('%o is %i %s', async (json, status, code) => {
    const { id } = await latchkey.user();
    expect(refusalOf(await change(id, json))).toEqual([status, code]);
  });

  test('does not find a user who does not exist', async () => {
    expect(refusalOf(await change('usr_01h455vb4pex5vsknk084sn02q', {}))).toEqual([404, 'users.not_found']);
  });
});

describe('users.delete and users.restore', () => {
  const remove = (user: { id: string }, json: object = {}) => call('DELETE', `/v1/users/${user.id}`, json);
  const restore = (user: { id: string }) => call('POST', `/v1/users/${user.id}/restore`);
  const missing = { id: 'usr_01h455vb4pex5vsknk084sn02q' };
  let user: TestUser;
  beforeAll(async () => {
    user = await latchkey.user();
  });

  test('closes the account after the days of the setting, and calls it off', async () => {
    const answer = await remove(user);
    expect([answer.status, answer.body]).toMatchObject([200, { id: user.id, deleted: false }]);
    const { deletes_at: at } = answer.body as { deletes_at: string };
    expect(Math.round((Date.parse(at) - Date.now()) / 86_400_000)).toBe(14);
    expect(await read(user)).toMatchObject({ status: 'active', deletes_at: at });
    expect((await listed('closing=true')).users).toMatchObject([{ id: user.id, deletes_at: at }]);
    await mails.next(user.email, /being closed/);
    const restored = await restore(user);
    expect([restored.status, restored.body]).toMatchObject([200, { id: user.id, status: 'active' }]);
    expect(await read(user)).not.toHaveProperty('deletes_at');
    expect((await mails.next(user.email, /account won’t be closed/)).text).toContain(
      'stays open. You can sign in as before.',
    );
    expect(refusalOf(await restore(user))).toEqual([409, 'users.not_closing']);
  });

  test('erases the account at once, with nothing to restore', async () => {
    const answer = await remove(user, { immediately: true });
    expect(answer.body).toEqual({ id: user.id, deleted: true, deletes_at: null });
    expect(refusalOf(await call('GET', `/v1/users/${user.id}`))).toEqual([404, 'users.not_found']);
    expect(refusalOf(await restore(user))).toEqual([404, 'users.not_found']);
    expect(refusalOf(await remove(user))).toEqual([404, 'users.not_found']);
    expect((await mails.next(user.email, /has been closed/)).text).toContain('erased');
  });

  test('does not find a user who does not exist', async () => {
    expect(refusalOf(await remove(missing))).toEqual([404, 'users.not_found']);
  });

  test.each([{ immediately: false }, { immediately: true }])(
    'keeps the last owner of an organization, unless force insists: %o',
    async (how) => {
      const owner = await latchkey.user();
      const { id } = await latchkey.run<{ id: string }>('organizations.create', { name: 'Owned', owner: owner.id });
      const refused = await remove(owner, how);
      expect(refusalOf(refused)).toEqual([409, 'users.last_owner']);
      expect(refused.body).toMatchObject({ organizations: [{ id }] });
      expect((await remove(owner, { ...how, force: true })).status).toBe(200);
    },
  );

  test.each([{ immediately: false }, { immediately: true, force: true }])(
    'keeps the last administrator: %o',
    async (how) => {
      const administrator = await latchkey.user({ administrator: true });
      const may = (permission: string) => Object.hasOwn(permissions, permission);
      const all = runFor(latchkey.app.operations, { ...byClient('robot'), may });
      const asked = { user_id: administrator.id, ...how };
      expect(await all('users.delete', givenTo('users.delete', asked))).toMatchObject({
        code: 'users.last_administrator',
      });
      await latchkey.app.database.sql('update users set is_administrator = false where is_administrator');
    },
  );
});

describe('many users at once', () => {
  const bulk = async (verb: string, json: object) => {
    const answer = await call('POST', `/v1/users/bulk-${verb}`, json);
    expect(answer.status).toBe(200);
    return (answer.body as { results: { status: string; id?: string; error?: { code: string } }[] }).results;
  };
  const missing = 'usr_01h455vb4pex5vsknk084sn02q';

  test('are created, each by itself', async () => {
    const results = await bulk('create', {
      rows: [
        { email: 'one@bulk.example', email_verified: true, given_name: 'One' },
        { email: 'one@bulk.example' },
        { email: 'no address' },
        { email: 'two@bulk.example', password: 'correct horse battery staple 9' },
        { username: 'three' },
        {},
      ],
    });
    expect(results).toEqual([
      { index: 0, status: 'created', id: expect.stringMatching(/^usr_/) as string },
      { index: 1, status: 'refused', error: expect.objectContaining({ code: 'users.email_taken' }) as object },
      { index: 2, status: 'refused', error: expect.objectContaining({ code: 'users.email_invalid' }) as object },
      {
        index: 3,
        status: 'refused',
        error: expect.objectContaining({
          code: 'input.invalid',
          errors: { password: 'is not a member here' },
        }) as object,
      },
      { index: 4, status: 'created', id: expect.stringMatching(/^usr_/) as string },
      { index: 5, status: 'refused', error: expect.objectContaining({ code: 'users.identifier_missing' }) as object },
    ]);
    expect(await read({ id: results[0]!.id! })).toMatchObject({ email_verified: true, given_name: 'One' });
  });

  test('are changed, disabled and enabled, each by itself', async () => {
    const [first, second] = [await latchkey.user({ name: 'A' }), await latchkey.user({ name: 'B' })];
    const changed = await bulk('update', {
      rows: [
        { id: first.id, name: 'C', properties: { team: 'Red' } },
        { id: missing, name: 'D' },
        { id: second.id, email: 'other@bulk.example' },
        { name: 'E' },
        { id: second.id, name: null },
      ],
    });
    expect(changed.map(({ status, error }) => error?.code ?? status)).toEqual([
      'updated',
      'users.not_found',
      'input.invalid',
      'input.invalid',
      'updated',
    ]);
    expect(await read(first)).toMatchObject({ name: 'C', properties: { team: 'Red' } });
    expect(await read(second)).not.toHaveProperty('name');
    const user_ids = [first.id, missing, second.id];
    for (const [verb, status] of [
      ['disable', 'disabled'],
      ['enable', 'active'],
    ] as const) {
      expect((await bulk(verb, { user_ids })).map(({ status: done }) => done)).toEqual([
        `${verb}d`,
        'refused',
        `${verb}d`,
      ]);
      for (const user of [first, second]) expect(await read(user)).toMatchObject({ status });
    }
  });

  test.each(['create', 'update', 'disable', 'enable'])('are at most 500 and at least one: bulk_%s', async (verb) => {
    const member = ['create', 'update'].includes(verb) ? 'rows' : 'user_ids';
    const of = (count: number) => ({
      [member]: Array.from({ length: count }, () => (member === 'rows' ? {} : missing)),
    });
    for (const json of [of(501), of(0), {}, { [member]: {} }])
      expect(refusalOf(await call('POST', `/v1/users/bulk-${verb}`, json))).toEqual([422, 'input.invalid']);
  });

  test('are no way around the rights over an administrator', async () => {
    const { id } = await latchkey.user({ administrator: true });
    const rows = [
      await bulk('update', { rows: [{ id, name: 'Mine' }] }),
      await bulk('disable', { user_ids: [id] }),
      await bulk('enable', { user_ids: [id] }),
    ];
    expect(rows.flat().map(({ error }) => error?.code)).toEqual(Array(3).fill('users.rights_missing'));
    expect(await bulk('create', { rows: [{ email: 'admin@bulk.example', administrator: true }] })).toMatchObject([
      { error: { code: 'users.role_not_held' } },
    ]);
    await latchkey.app.database.sql('update users set is_administrator = false where is_administrator');
  });
});

describe('the picture of a user', () => {
  const picture = async () =>
    (
      await sharp({ create: { width: 40, height: 30, channels: 3, background: '#0a3fb5' } })
        .png()
        .toBuffer()
    ).toString('base64');

  test('is set, shown and removed', async () => {
    const { id } = await latchkey.user();
    const at = `/v1/users/${id}/picture`;
    expect((await call('GET', at)).body).toEqual({ id, picture: null, uploaded_at: null });
    const set = await call('PATCH', at, { content: await picture() });
    expect([set.status, set.body]).toMatchObject([200, { id, uploaded_at: expect.any(String) as string }]);
    const { picture: url } = set.body as { picture: string };
    expect((await fetch(url)).headers.get('content-type')).toBe('image/webp');
    expect(await read({ id })).toMatchObject({ picture: url });
    expect((await call('GET', at)).body).toEqual(set.body);
    expect((await call('DELETE', at)).body).toEqual({ id, picture: null, uploaded_at: null });
    expect((await call('DELETE', at)).status).toBe(200);
    expect((await fetch(url)).status).toBe(404);
    const types = await latchkey.app.database.sql(
      "select type from audit_record where subject_id = $1 and type like 'user.picture%'",
      [id],
    );
    expect(types).toHaveLength(2);
  });

  test('goes with the claim that leads to it', async () => {
    const { id } = await latchkey.user();
    const at = `/v1/users/${id}/picture`;
    const { picture: url } = (await call('PATCH', at, { content: await picture() })).body as { picture: string };
    await call('PATCH', `/v1/users/${id}`, { picture: 'https://pictures.example/1.png' });
    expect((await call('GET', at)).body).toEqual({
      id,
      picture: 'https://pictures.example/1.png',
      uploaded_at: null,
    });
    expect((await fetch(url)).status).toBe(404);
    expect((await call('PATCH', at, { content: null })).body).toMatchObject({ picture: null });
  });

  test.each<[json: object, status: number, code: string]>([
    [{ content: 'bm8gcGljdHVyZQ==' }, 422, 'users.picture_invalid'],
    [{ content: '%' }, 422, 'input.invalid'],
    [{}, 422, 'input.invalid'],
    [{ content: 'a'.repeat(300_000) }, 413, 'request.too_large'],
  ])('%o is refused', async (json, status, code) => {
    const { id } = await latchkey.user();
    expect(refusalOf(await call('PATCH', `/v1/users/${id}/picture`, json))).toEqual([status, code]);
  });

  test('is taken as often as users may upload one', async () => {
    const { id } = await latchkey.user();
    const content = await picture();
    const codes = [];
    for (let n = 0; n < 21; n++) codes.push((await call('PATCH', `/v1/users/${id}/picture`, { content })).status);
    expect(codes).toEqual([...Array<number>(20).fill(200), 429]);
  });

  test.each([
    ['GET', 'picture'],
    ['DELETE', 'picture'],
    ['PATCH', 'picture'],
  ])('of nobody: %s', async (method, path) => {
    const json = method === 'PATCH' ? { content: null } : undefined;
    expect(refusalOf(await call(method, `/v1/users/usr_01h455vb4pex5vsknk084sn02q/${path}`, json))).toEqual([
      404,
      'users.not_found',
    ]);
  });
});

describe('the password of a user', () => {
  const at = (user: { id: string }, verb: string) => call('POST', `/v1/users/${user.id}/${verb}`);
  const missing = { id: 'usr_01h455vb4pex5vsknk084sn02q' };
  const chosen = 'several entirely new words 77';

  /** The page after an email address and a password in a new browser. */
  async function afterPassword({ email }: { email: string }, password: string) {
    const client = await latchkey.client({ first_party: true });
    const visitor = new Visitor();
    const page = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
    return { visitor, page: await visitor.submit(await visitor.submit(page, { email }), { password }) };
  }

  test('is a temporary one, which the next sign-in replaces', async () => {
    const user = await latchkey.user();
    const tokens = await tokensFor(latchkey.base, await latchkey.client({ first_party: true }), user);
    const answer = await at(user, 'password/set-temporary');
    expect(answer.status).toBe(200);
    const { password } = answer.body as { password: string };
    expect(password).toMatch(/^[a-z2-9]{5}(-[a-z2-9]{5}){3}$/);
    expect(
      (await fetch(`${latchkey.base}/oidc/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } })).status,
    ).not.toBe(200);
    expect(JSON.stringify(await read(user))).not.toContain(password);
    expect(await read(user)).toMatchObject({ password_update_required: true });
    expect((await mails.next(user.email, /password/i)).text).not.toContain(password);
    const { visitor, page } = await afterPassword(user, password);
    expect(page.url).toMatch(/\/new-password$/);
    expect((await visitor.submit(page, { password })).location ?? '').not.toContain('code=');
    const { visitor: again, page: asked } = await afterPassword(user, password);
    expect((await again.submit(asked, { password: chosen })).location).toContain('code=');
    expect(await read(user)).toMatchObject({ password_update_required: false });
    const types = await latchkey.app.database.sql<{ type: string; details: unknown }>(
      "select type, details from audit_record where subject_id = $1 and actor_type = 'client' order by type",
      [user.id],
    );
    expect(types.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['user.password_changed', 'user.password_demanded']),
    );
    expect(JSON.stringify(types)).not.toContain(password);
  });

  test.each([
    ['the first one', { password: undefined, email_verified: false }],
    ['another one', { email_verified: true }],
  ])('is set by a mailed link: %s', async (_what, given) => {
    const user = await latchkey.user(given);
    const answer = await at(user, 'password/send-reset');
    expect([answer.status, answer.body]).toMatchObject([200, { id: user.id, email: user.email }]);
    expect(JSON.stringify(answer.body)).not.toContain('link');
    const browser = new Visitor();
    const page = await browser.open((await mails.next(user.email, /password/i)).link);
    expect((await browser.submit(page, { password: chosen })).url).toBe(`${latchkey.base}/recovery/done`);
    expect(await read(user)).toMatchObject({ credentials: [{ method: 'password' }] });
  });

  test.each<[code: string, make: () => Promise<{ id: string }>]>([
    ['users.not_found', async () => missing],
    ['recovery.no_address', async () => (await created({ username: 'mailless' })).body as { id: string }],
    [
      'recovery.user_disabled',
      async () => {
        const user = await latchkey.user();
        await at(user, 'disable');
        return user;
      },
    ],
    [
      'recovery.too_many_mails',
      async () => {
        const user = await latchkey.user();
        for (let n = 0; n < 3; n++) expect((await at(user, 'password/send-reset')).status).toBe(200);
        return user;
      },
    ],
  ])('is not mailed: %s', async (code, make) => {
    expect((await at(await make(), 'password/send-reset')).body['code']).toBe(code);
  });

  test('and codes can be tried again after an unlock, which says what was locked', async () => {
    const user = await latchkey.user();
    expect((await at(user, 'unlock')).body).toEqual({ id: user.id, released: [] });
    const { passwords } = latchkey.app;
    const attempt = async (password: string) =>
      (await passwords.verify({ userId: user.id as never, password, budget: user.id })).kind;
    let tries = 0;
    while ((await attempt('wrong')) === 'wrong' && tries < 50) tries++;
    expect(await attempt(user.password)).toBe('throttled');
    const answer = await at(user, 'unlock');
    expect(answer.body).toEqual({
      id: user.id,
      released: [{ what: 'password', failures: tries, locked: true, locked_until: expect.any(String) as string }],
    });
    expect(await attempt(user.password)).toBe('verified');
    const [event] = await latchkey.app.database.sql(
      "select details from audit_record where subject_id = $1 and type = 'user.unlocked' order by at desc limit 1",
      [user.id],
    );
    expect(event).toEqual({ details: { released: ['password'] } });
  });

  test.each(['password/set-temporary', 'unlock'])('of nobody: %s', async (verb) => {
    expect(refusalOf(await at(missing, verb))).toEqual([404, 'users.not_found']);
  });
});
