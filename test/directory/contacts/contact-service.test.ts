import { access } from '#directory/access/module.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DAY } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { createContacts } from '#directory/contacts/module.ts';
import { createUsers, heldEmails, type UserId } from '#directory/users/module.ts';
import { openAudit } from '../../support/audit.ts';
import { openAccess } from '../../support/access.ts';
import { testClock } from '../../support/clock.ts';
import { openTestDatabase } from '../../support/database.ts';

const clock = testClock();
const by = { actor: { type: 'operator' as const } };
let database: Database;
let made: ReturnType<typeof createUsers> & ReturnType<typeof createContacts>;
let ada: UserId;
let bob: UserId;
let run = 0;

beforeAll(async () => {
  database = await openTestDatabase();
  const { log: audit } = openAudit({ clock, database });
  const { accessRevocation } = openAccess({ clock, database, audit });
  made = {
    ...createUsers({ clock, database, audit, accessRevocation, rights: access }),
    ...createContacts({ clock, database }),
  };
});
afterAll(() => database.close());
beforeEach(async () => {
  run += 1;
  ada = await person(`Ada${run}@x.example`);
  bob = await person(`bob${run}@x.example`);
});

const person = async (email: string, emailVerified = true): Promise<UserId> =>
  (await database.transaction((em) => made.users.create(em, { email, emailVerified }, by))).id;
const act = <T>(work: (em: Parameters<Parameters<Database['transaction']>[0]>[0]) => Promise<T>): Promise<T> =>
  database.transaction(work);
const email = (value: string) => ({ kind: 'email' as const, value: value.replace('@', `${run}@`) });
const add = (userId: UserId, value: string) => act((em) => made.contacts.add(em, userId, email(value)));
const confirm = (userId: UserId, value: string) =>
  act((em) => made.contacts.confirmEmail(em, userId, email(value).value));
const replace = (userId: UserId, value: string, old: 'keep' | 'reserve') =>
  act((em) => made.contacts.replaceEmail(em, userId, { value: email(value).value, old }));
const findBy = async (value: string) => {
  const [found, whole] = await Promise.all([
    made.users.findByIdentifier(email(value).value),
    made.users.findWhole(email(value).value),
  ]);
  expect(whole?.id).toBe(found?.id);
  return found?.id ?? null;
};
const emails = async (userId: UserId) =>
  (await made.contacts.list(userId, 'email')).map(({ value, isVerified }) => `${value}${isVerified ? '' : '?'}`);

describe('an additional address', () => {
  test('has no effect until it is verified, and signs in afterwards', async () => {
    expect(await add(ada, 'ada@home.example')).toBe('added');
    expect(await findBy('ada@home.example')).toBeNull();
    expect(await confirm(ada, 'ada@home.example')).toBe('confirmed');
    expect(await findBy('ADA@home.example')).toBe(ada);
    expect(await made.users.findByIdentifier(email('ADA@HOME.example').value)).toMatchObject({
      email: email('ada@home.example').value,
      emailVerified: true,
    });
    expect(await emails(ada)).toEqual([`Ada${run}@x.example`, `ada${run}@home.example`]);
    expect(await add(ada, 'Ada@home.example')).toBe('verified_already');
    expect(await add(ada, 'ada@x.example')).toBe('verified_already');
  });

  test('does not block the address for its owner while it is unverified', async () => {
    await add(ada, 'carol@x.example');
    const carol = await person(`carol${run}@x.example`);
    expect(await confirm(ada, 'carol@x.example')).toBe('taken');
    expect(await findBy('carol@x.example')).toBe(carol);
  });

  test('that is verified prevents another account or additional address with it', async () => {
    await add(ada, 'shared@x.example');
    await add(bob, 'shared@x.example');
    expect(await confirm(ada, 'shared@x.example')).toBe('confirmed');
    expect(await confirm(bob, 'shared@x.example')).toBe('taken');
    expect(await replace(bob, 'shared@x.example', 'keep')).toBe('taken');
    await expect(person(`SHARED${run}@x.example`)).rejects.toMatchObject({ code: 'users.email_taken' });
  });

  test('verified by two users at once belongs to one', async () => {
    await add(ada, 'race@x.example');
    await add(bob, 'race@x.example');
    const outcomes = await Promise.all([
      confirm(ada, 'race@x.example'),
      confirm(bob, 'race@x.example'),
      person(`race${run}@x.example`).then(
        () => 'confirmed',
        () => 'taken',
      ),
    ]);
    expect(outcomes.filter((outcome) => outcome === 'confirmed')).toHaveLength(1);
  });

  test('is one of ten at most', async () => {
    for (let i = 0; i < 9; i += 1) expect(await add(ada, `more-${i}@x.example`)).toBe('added');
    expect(await add(ada, 'one-more@x.example')).toBe('too_many');
  });

  test('can be removed only by its owner', async () => {
    await add(ada, 'ada@home.example');
    const [, further] = await made.contacts.list(ada, 'email');
    expect(await act((em) => made.contacts.remove(em, bob, 'email', further!.id!))).toBeNull();
    expect(await act((em) => made.contacts.remove(em, ada, 'phone', further!.id!))).toBeNull();
    expect(await act((em) => made.contacts.remove(em, ada, 'email', further!.id!))).toMatchObject({
      isVerified: false,
    });
    expect(await emails(ada)).toEqual([`Ada${run}@x.example`]);
  });
});

describe('the primary address', () => {
  test('reports its first verification', async () => {
    const carol = await person(`carol${run}@x.example`, false);
    expect(await confirm(carol, 'carol@x.example')).toBe('first_proof');
    expect(await confirm(carol, 'carol@x.example')).toBe('gone');
    expect(await made.users.findById(carol)).toMatchObject({ emailVerified: true, emailProofDue: false });
  });

  test('makes way for another one and stays with the user', async () => {
    await add(ada, 'ada@home.example');
    await confirm(ada, 'ada@home.example');
    expect(await replace(ada, 'ada@home.example', 'keep')).toMatchObject({ value: `Ada${run}@x.example` });
    expect(await emails(ada)).toEqual([`ada${run}@home.example`, `Ada${run}@x.example`]);
    expect([await findBy('ada@home.example'), await findBy('ada@x.example')]).toEqual([ada, ada]);
  });

  test('makes way and stays reserved for three days, without another use', async () => {
    await replace(ada, 'ada@new.example', 'reserve');
    expect(await findBy('ada@x.example')).toBeNull();
    expect(await emails(ada)).toEqual([`ada${run}@new.example`]);
    await expect(person(`ada${run}@x.example`)).rejects.toMatchObject({ code: 'users.email_taken' });
    expect(await replace(bob, 'ada@x.example', 'keep')).toBe('taken');
    // Its owner may have it back.
    expect(await add(ada, 'ada@x.example')).toBe('added');
    await replace(ada, 'ada@x.example', 'reserve');
    await replace(ada, 'ada@new.example', 'reserve');
    clock.advance(3 * DAY);
    await expect(person(`ada${run}@x.example`)).resolves.toMatch(/^usr_/);
  });

  test('keeps the time of its verification when it makes way and when it comes back', async () => {
    const held = () => act((em) => heldEmails(em, ada));
    const [original] = await held();
    expect(original).toMatchObject({ place: 'first', isOriginal: true });
    clock.advance(DAY);
    await add(ada, 'ada@home.example');
    await confirm(ada, 'ada@home.example');
    const provenAt = clock.now();
    clock.advance(DAY);
    await replace(ada, 'ada@home.example', 'keep');
    expect(await held()).toMatchObject([
      { place: 'first', since: provenAt, isOriginal: false },
      { place: 'further', since: original!.since, isOriginal: true },
    ]);
    await replace(ada, 'ada@x.example', 'reserve');
    expect(await held()).toMatchObject([
      { place: 'first', since: original!.since, isOriginal: true },
      { place: 'given_up', since: provenAt, isOriginal: false },
    ]);
    expect(await add(ada, 'ada@home.example')).toBe('added');
    expect(await findBy('ada@home.example')).toBeNull();
    expect(await confirm(ada, 'ada@home.example')).toBe('confirmed');
    expect((await held())[1]).toMatchObject({ place: 'further', since: provenAt });
  });

  test('that is removed and added again counts from its new verification', async () => {
    await replace(ada, 'ada@home.example', 'keep');
    const [, original] = await made.contacts.list(ada, 'email');
    await act((em) => made.contacts.remove(em, ada, 'email', original!.id!));
    clock.advance(DAY);
    await add(ada, 'ada@x.example');
    await confirm(ada, 'ada@x.example');
    const held = await act((em) => heldEmails(em, ada));
    expect(held[1]).toMatchObject({ place: 'further', since: clock.now(), isOriginal: false });
  });

  test('that was never verified is dropped when it makes way', async () => {
    const carol = await person(`carol${run}@x.example`, false);
    await replace(carol, 'carol@new.example', 'reserve');
    await expect(person(`carol${run}@x.example`)).resolves.toMatch(/^usr_/);
  });
});

test('additions since a time can be dropped, and reservations expire', async () => {
  await add(ada, 'before@x.example');
  clock.advance(DAY);
  const since = clock.now();
  await add(ada, 'after@x.example');
  await act((em) => made.contacts.removeSince(em, ada, { since }));
  expect(await emails(ada)).toEqual([`Ada${run}@x.example`, `before${run}@x.example?`]);
  await replace(ada, 'other@x.example', 'reserve');
  clock.advance(4 * DAY);
  expect(await made.contacts.purge()).toBeGreaterThan(0);
});

describe('phone numbers', () => {
  const number = (n: number) => `+1202555${String(run * 10 + n).padStart(4, '0')}`;
  const addPhone = (n: number) => act((em) => made.contacts.add(em, ada, { kind: 'phone', value: number(n) }));
  const confirmPhone = (n: number) => act((em) => made.contacts.confirmPhone(em, ada, number(n)));
  const phones = async () => (await made.contacts.list(ada, 'phone')).map(({ value, isFirst }) => [value, isFirst]);

  test('the first verified one is the claim for relying parties, until another replaces it', async () => {
    expect(await confirmPhone(1)).toBe('gone');
    await addPhone(1);
    expect(await confirmPhone(1)).toBe('confirmed');
    await addPhone(2);
    expect(await confirmPhone(2)).toBe('confirmed');
    expect(await phones()).toEqual([
      [number(1), true],
      [number(2), false],
    ]);
    const [, second] = await made.contacts.list(ada, 'phone');
    expect(await act((em) => made.contacts.replacePhone(em, bob, second!.id!))).toBeNull();
    expect(await act((em) => made.contacts.replacePhone(em, ada, second!.id!))).toBe(number(2));
    expect(await made.users.findById(ada)).toMatchObject({ phoneNumber: number(2), phoneNumberVerified: true });
  });

  test('that were added in a period are dropped with it, also as primary, and the oldest earlier one replaces it', async () => {
    const confirmed = async (n: number) => (await addPhone(n), confirmPhone(n));
    const removeSince = (since: Date, until?: Date) =>
      act((em) => made.contacts.removeSince(em, ada, { since, ...(until ? { until } : {}) }));
    const begin = clock.now();
    clock.advance(DAY);
    await confirmed(1);
    clock.advance(DAY);
    const since = clock.now();
    await confirmed(2);
    const [, second] = await made.contacts.list(ada, 'phone');
    await act((em) => made.contacts.replacePhone(em, ada, second!.id!));
    clock.advance(DAY);
    await removeSince(begin, since);
    expect(await phones()).toEqual([[number(2), true]]);
    await confirmed(1);
    await removeSince(since, clock.now());
    expect(await phones()).toEqual([[number(1), true]]);
    expect(await made.users.findById(ada)).toMatchObject({ phoneNumberVerified: true, phoneNumberSince: clock.now() });
    await removeSince(since);
    expect(await phones()).toEqual([]);
    expect(await made.users.findById(ada)).toMatchObject({ phoneNumber: null, phoneNumberVerified: false });
  });

  test('from before a change stay when later ones are dropped', async () => {
    await addPhone(1);
    await confirmPhone(1);
    clock.advance(DAY);
    const since = clock.now();
    await addPhone(2);
    await confirmPhone(2);
    const [, second] = await made.contacts.list(ada, 'phone');
    await act((em) => made.contacts.replacePhone(em, ada, second!.id!));
    await act((em) => made.contacts.removeSince(em, ada, { since }));
    expect(await phones()).toEqual([[number(1), true]]);
  });

  test('the primary one is dropped when no other can replace it', async () => {
    await addPhone(1);
    await confirmPhone(1);
    await addPhone(2);
    await confirmPhone(2);
    expect(await act((em) => made.contacts.removeFirstPhone(em, ada))).toBeNull();
    const [, second] = await made.contacts.list(ada, 'phone');
    await act((em) => made.contacts.remove(em, ada, 'phone', second!.id!));
    expect(await act((em) => made.contacts.removeFirstPhone(em, ada))).toBe(number(1));
    expect(await phones()).toEqual([]);
  });

  test('may belong to several users, and identify none', async () => {
    await addPhone(1);
    await confirmPhone(1);
    await act((em) => made.contacts.add(em, bob, { kind: 'phone', value: number(1) }));
    expect(await act((em) => made.contacts.confirmPhone(em, bob, number(1)))).toBe('confirmed');
    expect(await made.users.findByIdentifier(number(1))).toBeNull();
  });
});
