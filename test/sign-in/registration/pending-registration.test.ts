import { access } from '#directory/access/module.ts';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { HOUR, systemClock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { createUsers } from '#directory/users/module.ts';
import { PendingRegistrations } from '../../../src/sign-in/registration/pending-registration.ts';
import { openAccess } from '../../support/access.ts';
import { testClock } from '../../support/clock.ts';
import { openTestDatabase } from '../../support/database.ts';

const clock = testClock();
let database: Database;
let pending: PendingRegistrations;
let turn = 0;
let uid: string;

beforeAll(async () => {
  database = await openTestDatabase();
  pending = new PendingRegistrations(clock, database);
});
afterAll(() => database.close());
beforeEach(() => void (uid = `sign-in ${(turn += 1)}`));

const wish = (email: string) => ({
  email,
  emailCanonical: email.toLowerCase(),
  method: 'passkey' as const,
  profile: { name: 'Ada' },
  properties: { team: 'Looms' },
  passwordHash: null,
  termsVersion: '1',
});
const save = (email: string) => database.transaction((em) => pending.save(em, uid, wish(email)));
async function person(email: string) {
  const audit = { record: async () => undefined, note: async () => undefined };
  const { users } = createUsers({
    clock: systemClock,
    database,
    audit,
    accessRevocation: openAccess({ clock: systemClock, database, audit }).accessRevocation,
    rights: access,
  });
  return database.transaction((em) => users.create(em, { email }, { actor: { type: 'system' } }));
}

test('a pending registration belongs to one sign-in, the latest, for an hour', async () => {
  await save('First@x.example');
  await save('Second@x.example');
  expect(await pending.find(uid)).toEqual(wish('Second@x.example'));
  expect(await pending.find('another')).toBeNull();
  clock.advance(HOUR + 1);
  expect(await pending.find(uid)).toBeNull();
  expect(await database.transaction((em) => pending.take(em, uid))).toBeNull();
});

test('after the account exists, it keeps only the chosen method, and creates no other account', async () => {
  const email = 'came-of-it@x.example';
  await save(email);
  const { id: userId } = await person(email);
  await database.transaction((em) => pending.close(em, uid, { userId, ...wish(email) }));
  expect([await pending.find(uid), await pending.findChoice(uid, userId)]).toEqual([null, 'passkey']);
  await save('another-user@x.example');
  expect(await database.transaction((em) => pending.take(em, uid))).toBeNull();
  const rows = await database.sql('select details from pending_registration where user_id is not null');
  expect(JSON.stringify(rows)).not.toContain('Looms');
  await pending.changeChoice(uid, userId, 'email_code');
  expect(await pending.findChoice(uid, userId)).toBe('email_code');
  expect(await pending.findChoice('another', userId)).toBeNull();
});

test('unfinished ones are deleted in batches', async () => {
  for (let i = 0; i < 5; i += 1) {
    uid = `left ${i}`;
    await save(`left-${i}@x.example`);
  }
  clock.advance(2 * HOUR);
  expect(await pending.purge(3)).toBe(3);
  while ((await pending.purge()) > 0);
  expect(await database.sql('select 1 from pending_registration')).toEqual([]);
});
