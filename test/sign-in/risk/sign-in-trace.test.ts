import { afterAll, beforeAll, expect, test } from 'vitest';
import { DAY, fromNow, HOUR, systemClock } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import { newId, toUuid } from '#kernel/ids.ts';
import type { UserId } from '#directory/users/module.ts';
import { SignInTraces } from '../../../src/sign-in/risk/sign-in-trace.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';

type Place = [network: string, country: string | null, latitude: number | null, longitude: number | null];
const home: Place = ['192.0.2.0/24', 'PT', 38.72, -9.14];
const work: Place = ['198.51.100.0/24', 'PT', 38.72, -9.14];
const nowhere: Place = ['203.0.113.0/24', null, null, null];

let latchkey: TestApp;
let traces: SignInTraces;

beforeAll(async () => {
  latchkey = await startTestApp();
  traces = new SignInTraces(systemClock, latchkey.app.database);
});
afterAll(() => latchkey.close());

/** Whether the user knows the browser that has this secret. */
const knowing = (secret: string) => ({
  values: [sha256(secret)],
  text: (at: (place: number) => string, userId: string) =>
    `exists (select 1 from known_device where secret_hash = ${at(0)}::bytea and user_id = ${userId})`,
});

test.each<[string, [milliseconds: number, place: Place][], Place[]]>([
  ['a user without sign-ins has none', [], []],
  [
    'one place stands once, however often it was used',
    [
      [HOUR, home],
      [2 * HOUR, home],
      [3 * HOUR, home],
    ],
    [home],
  ],
  [
    'the place used last comes first',
    [
      [3 * HOUR, work],
      [2 * HOUR, home],
      [HOUR, work],
    ],
    [work, home],
  ],
  [
    'an address without a place counts as well',
    [
      [2 * HOUR, nowhere],
      [HOUR, home],
    ],
    [home, nowhere],
  ],
  [
    'what is older than half a year is forgotten',
    [
      [HOUR, home],
      [200 * DAY, work],
    ],
    [home],
  ],
])('%s', async (_title, stored, places) => {
  const { id } = await latchkey.user();
  for (const [ago, [network, country, latitude, longitude]] of stored)
    await latchkey.app.database.sql(
      `insert into sign_in_trace (id, user_id, at, network, country, latitude, longitude) values ($1, $2, $3, $4, $5, $6, $7)`,
      [toUuid(newId('trace')), toUuid(id as UserId), fromNow(systemClock, -ago), network, country, latitude, longitude],
    );
  const { earlier, isKnownDevice } = await traces.habits(id as UserId, knowing('a browser of another user'));
  expect(
    earlier.map(({ network, country, coordinates }) => [
      network,
      country,
      coordinates?.latitude ?? null,
      coordinates?.longitude ?? null,
    ]),
  ).toEqual(places);
  expect(isKnownDevice).toBe(false);
});

test.each([
  ['known with earlier sign-ins', true],
  ['known without any', false],
])('a browser is %s', async (_title, hasSignedIn) => {
  const { id } = await latchkey.user();
  const userId = id as UserId;
  const { database } = latchkey.app;
  const seen = { at: systemClock.now(), network: home[0], country: null, coordinates: null };
  if (hasSignedIn) {
    const { text, values } = traces.adding(userId, seen);
    await database.sql(`with ${text((place) => `$${place + 1}`, 'true')} select 1`, values);
  }
  await database.sql(
    `insert into known_device (secret_hash, user_id, user_agent, created_at, seen_at) values ($1, $2, '', $3, $3)`,
    [sha256(`secret of ${id}`), toUuid(userId), systemClock.now()],
  );
  const habits = await traces.habits(userId, knowing(`secret of ${id}`));
  expect(habits.isKnownDevice).toBe(true);
  expect(habits.earlier).toEqual(hasSignedIn ? [seen] : []);
});
