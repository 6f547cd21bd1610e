import { access } from '#directory/access/module.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { newId, toUuid } from '#kernel/ids.ts';
import type { InvalidationHandler } from '#kernel/invalidation.ts';
import type { Database } from '#kernel/database.ts';
import { createUsers, KnownUsers, type UserService } from '#directory/users/module.ts';
import { openAudit } from '../../support/audit.ts';
import { openAccess } from '../../support/access.ts';
import { openTestDatabase } from '../../support/database.ts';

const operator = { actor: { type: 'operator' as const } };
let database: Database;
let users: UserService;
let known: KnownUsers;
let heard: InvalidationHandler | undefined;

beforeAll(async () => {
  database = await openTestDatabase();
  const audit = openAudit({ clock: systemClock, database }).log;
  const invalidation = {
    publish: async () => undefined,
    subscribe: (_topic: string, handler: InvalidationHandler) => void (heard = handler),
    isHealthy: () => true,
  };
  known = new KnownUsers({ clock: systemClock, database, invalidation });
  users = createUsers({
    clock: systemClock,
    database,
    audit,
    accessRevocation: openAccess({ clock: systemClock, database, audit }).accessRevocation,
    known,
    rights: access,
  }).users;
});
afterAll(() => database.close());

const add = (email: string, more = {}) => database.transaction((em) => users.create(em, { email, ...more }, operator));

describe('users', () => {
  test('are found by any spelling of their address', async () => {
    const ada = await add('Ada.Find@Example.com', { profile: { name: 'Ada' } });
    expect(ada.email).toBe('Ada.Find@Example.com');
    expect((await users.findByIdentifier(' ada.find@EXAMPLE.com'))?.id).toBe(ada.id);
    expect((await users.findById(ada.id))?.profile).toEqual({ name: 'Ada' });
    expect(await users.findWhole(' ada.find@EXAMPLE.com')).toEqual(await users.findById(ada.id));
    expect(await users.findWhole('nobody@example.com')).toBeNull();
    expect(await users.findWhole('not an address')).toBeNull();
    expect(await users.findByIdentifier('nobody@example.com')).toBeNull();
    expect(await users.findByIdentifier('not an address')).toBeNull();
  });

  test('have the same claims as through the mapper', async () => {
    const profile = { name: 'Ada ä', address: { country: 'GB' } };
    const person = await add('claims@example.com', { profile, phoneNumber: '+12025550123', emailVerified: true });
    const { status, email, emailVerified, phoneNumber, phoneNumberVerified, updatedAt } = person;
    const claims = {
      status,
      username: null,
      email,
      emailVerified,
      phoneNumber,
      phoneNumberVerified,
      profile,
      properties: {},
      roles: [],
      permissions: [],
      updatedAt,
    };
    expect(await known.find(person.id)).toEqual(claims);
    expect(await known.find(newId('usr'))).toBeNull();
    expect(await users.findById(person.id)).toMatchObject({ ...claims, id: person.id });
    expect(await users.findById(newId('usr'))).toBeNull();
  });

  test('are cached until a transaction of this process ends, or another process reports a change', async () => {
    const person = await add('kept@example.com');
    await known.find(person.id);
    await database.sql('update users set email = $2 where id = $1', [toUuid(person.id), 'other@example.com']);
    expect((await known.find(person.id))?.email).toBe('kept@example.com');
    heard?.changed(toUuid(person.id));
    expect((await known.find(person.id))?.email).toBe('other@example.com');
    await database.transaction((em) =>
      em.execute('update users set email = ? where id = ?', ['third@example.com', toUuid(person.id)]),
    );
    expect((await known.find(person.id))?.email).toBe('third@example.com');
  });

  test('share no address, also when two are added at once', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => add('twice@example.com')));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'users.email_taken' });
  });

  test.each([
    ['no address', { email: 'nobody' }, 'users.email_invalid'],
    ['a profile that claims too much', { email: 'p1@example.com', profile: { sub: 'x' } }, 'users.profile_invalid'],
    ['a phone number in another form', { email: 'p2@example.com', phoneNumber: '030 123' }, 'users.profile_invalid'],
  ])('are not added with %s', async (_what, { email, ...more }, code) => {
    await expect(add(email, more)).rejects.toMatchObject({ code });
    expect(await users.findByIdentifier(email)).toBeNull();
  });

  test('cause an event when they are created and when their status changes', async () => {
    const eve = await add('events@example.com');
    await users.changeStatus(eve.id, 'disabled', operator);
    const events = await database.sql<{ type: string }>(
      'select type from audit_record where subject_id = $1 order by at, id',
      [eve.id],
    );
    expect(events.map(({ type }) => type)).toEqual(['user.created', 'user.disabled']);
  });
});
