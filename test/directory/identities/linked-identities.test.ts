import { keyRingSecret } from '../../support/clients.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import { access } from '#directory/access/module.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import { createIdentities } from '#directory/identities/module.ts';
import { createUsers, type UserId } from '#directory/users/module.ts';
import { openAudit } from '../../support/audit.ts';
import { openAccess } from '../../support/access.ts';
import { openTestDatabase } from '../../support/database.ts';

const operator = { actor: { type: 'operator' as const } };
const google = (subject: string, issuer = 'https://accounts.google.com') => ({ connection: 'google', issuer, subject });
let database: Database;
let services: {
  users: ReturnType<typeof createUsers>['users'];
  identities: ReturnType<typeof createIdentities>['linked'];
};

beforeAll(async () => {
  database = await openTestDatabase();
  const audit = openAudit({ clock: systemClock, database }).log;
  const { accessRevocation } = openAccess({ clock: systemClock, database, audit });
  services = {
    users: createUsers({ clock: systemClock, database, audit, accessRevocation, rights: access }).users,
    identities: createIdentities({ clock: systemClock, database, keyRing: createKeyRing([keyRingSecret]), audit })
      .linked,
  };
});
afterAll(() => database.close());

const add = async (email: string): Promise<UserId> =>
  (await database.transaction((em) => services.users.create(em, { email }, operator))).id;
const link = (userId: UserId, of: ReturnType<typeof google>, name: string | null = null) =>
  database.transaction((em) => services.identities.link(em, userId, of, name, operator));
const use = (userId: UserId, of: ReturnType<typeof google>, name: string | null = null) =>
  database.transaction((em) => services.identities.used(em, userId, of, name));
const importRow = (userId: UserId, subject: string, issuer = '') =>
  database.sql(
    `insert into user_identity (connection, issuer, subject, user_id, created_at) values ('google', $1, $2, $3, now())`,
    [issuer, subject, toUuid(userId)],
  );

test('an identity belongs to one user', async () => {
  const [ada, eve] = [await add('ada.link@example.com'), await add('eve.link@example.com')];
  expect(await link(ada, google('1'), 'ada@gmail.example')).toBe(true);
  expect(await link(ada, google('1'))).toBe(false);
  await expect(link(eve, google('1'))).rejects.toMatchObject({ code: 'identities.taken' });
  expect(await services.identities.findUser(google('1'))).toBe(ada);
  expect(await services.identities.list(eve)).toEqual([]);
});

test('two users who link it at once get it once', async () => {
  const [ada, eve] = [await add('ada.race@example.com'), await add('eve.race@example.com')];
  const outcomes = await Promise.allSettled([link(ada, google('race')), link(eve, google('race'))]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

test.each([
  ['another subject', google('2')],
  ['another issuer', google('exact', 'https://accounts.example.com')],
  ['another connection', { ...google('exact'), connection: 'other' }],
  ['another case', google('EXACT')],
  ['a space more', google('exact ')],
])('%s is another identity', async (_what, other) => {
  if ((await services.identities.findUser(google('exact'))) === null)
    await link(await add('ada.exact@example.com'), google('exact'));
  expect(await services.identities.findUser(other)).toBeNull();
});

test('an imported identity without an issuer is found by the slug, and gets its issuer at its first use', async () => {
  const ada = await add('ada.import@example.com');
  await importRow(ada, 'imported');
  expect(await services.identities.findUser(google('imported'))).toBe(ada);
  await expect(link(await add('eve.import@example.com'), google('imported'))).rejects.toMatchObject({
    code: 'identities.taken',
  });
  expect(await use(ada, google('imported'), 'Ada')).toBe(true);
  expect(await services.identities.findUser(google('imported', 'https://other.example'))).toBeNull();
  expect(await services.identities.list(ada)).toMatchObject([{ ...google('imported'), name: 'Ada' }]);
});

test('one that names its issuer goes before an imported one that does not', async () => {
  const [ada, eve] = [await add('ada.both@example.com'), await add('eve.both@example.com')];
  await link(ada, google('both'));
  await importRow(eve, 'both');
  expect(await services.identities.findUser(google('both'))).toBe(ada);
  expect(await use(ada, google('both'))).toBe(true);
  expect(await use(eve, google('both'))).toBe(false);
});

test('the last use is kept, and a name is kept short', async () => {
  const ada = await add('ada.use@example.com');
  await link(ada, google('use'), 'x'.repeat(2000));
  const [before] = await services.identities.list(ada);
  expect(before).toMatchObject({ lastUsedAt: null, name: 'x'.repeat(254) });
  await use(ada, google('use'));
  expect((await services.identities.list(ada))[0]).toMatchObject({ name: 'x'.repeat(254) });
  expect((await services.identities.list(ada))[0]?.lastUsedAt).toBeInstanceOf(Date);
});

test('only its user unlinks it', async () => {
  const [ada, eve] = [await add('ada.unlink@example.com'), await add('eve.unlink@example.com')];
  await link(ada, google('unlink'), 'Ada');
  const unlink = (userId: UserId) =>
    database.transaction((em) => services.identities.unlink(em, userId, google('unlink'), operator));
  expect(await unlink(eve)).toBeNull();
  expect(await unlink(ada)).toEqual({ name: 'Ada' });
  expect(await services.identities.findUser(google('unlink'))).toBeNull();
});
