/** During an update: what an act ends of sign-ins that nodes of the previous release keep in a table of their own. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { operator } from '#audit/module.ts';
import { fromNow, MINUTE } from '#kernel/clock.ts';
import { randomSecret, sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { newId } from '#kernel/ids.ts';
import { openAccess } from '../../support/access.ts';
import { recordingAudit } from '../../support/audit.ts';
import { testClock } from '../../support/clock.ts';
import { openTestDatabase } from '../../support/database.ts';

const clock = testClock();
let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

test('an act ends its user’s proofs and open redirects in older rows, and spares other users and the current sign-in', async () => {
  const { accessRevocation } = openAccess({
    clock,
    database,
    audit: { ...recordingAudit(), note: async () => undefined },
  });
  const [user, other] = [newId('usr'), newId('usr')];
  const kept = { proved: { userId: user }, held: { endedAs: user }, here: { userId: user }, other: { userId: other } };
  const uids = Object.fromEntries(Object.keys(kept).map((name) => [name, randomSecret()]));
  for (const [name, progress] of Object.entries(kept))
    await database.sql('insert into sign_in_progress (uid_hash, progress, expires_at) values ($1, $2::jsonb, $3)', [
      sha256(uids[name]!),
      JSON.stringify(progress),
      fromNow(clock, MINUTE),
    ]);
  const left = async () => {
    const rows = await database.sql<{ uid_hash: Uint8Array }>('select uid_hash from sign_in_progress');
    const hashes = new Set(rows.map(({ uid_hash: hash }) => Buffer.from(hash).toString('hex')));
    return Object.keys(kept).filter((name) => hashes.has(sha256(uids[name]!).toString('hex')));
  };
  const keep = { session: null, interaction: uids['here']! };
  await database.transaction((em) =>
    accessRevocation.revoke(em, 'password set in a sign-in', user, operator, { keep }),
  );
  expect(await left()).toEqual(['here', 'other']);
  await database.transaction((em) => accessRevocation.revoke(em, 'signed out everywhere', user, operator));
  expect(await left()).toEqual(['other']);
});
