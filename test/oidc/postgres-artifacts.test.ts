import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fromNow, HOUR, systemClock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { Artifact } from '../../src/oidc/artifacts/artifact-store.ts';
import { PostgresArtifacts } from '../../src/oidc/artifacts/postgres-artifacts.ts';
import { openTestDatabase } from '../support/database.ts';

let database: Database;
let artifacts: PostgresArtifacts;
beforeAll(async () => {
  database = await openTestDatabase();
  artifacts = new PostgresArtifacts(systemClock, database);
});
afterAll(() => database.close());

const session = (idHash: Buffer, lookupHash: Buffer, n: number): Artifact => ({
  idHash,
  lookupHash,
  grantHash: null,
  sessionHash: null,
  accountId: 'usr_1',
  clientId: null,
  expiresAt: fromNow(systemClock, HOUR),
  stage: null,
  payload: { n },
});

test('a session that many requests write at once is written by each of them', async () => {
  for (let round = 0; round < 20; round += 1) {
    const [id, uid] = [randomBytes(32), randomBytes(32)];
    const written = await Promise.all(
      Array.from({ length: 16 }, (_, n) => artifacts.put('Session', session(id, uid, n))),
    );
    expect(written).toEqual(Array.from({ length: 16 }, () => true));
    expect((await artifacts.findByLookup('Session', uid))?.idHash).toEqual(id);
  }
});

test('an older request has nothing to say about a session that was renamed meanwhile', async () => {
  const [before, after, uid] = [randomBytes(32), randomBytes(32), randomBytes(32)];
  await artifacts.put('Session', session(before, uid, 1));
  await artifacts.rename(before, after);
  expect(await artifacts.put('Session', session(before, uid, 2))).toBe(false);
  expect(await artifacts.find('Session', before)).toBeNull();
  expect((await artifacts.find('Session', after))?.payload).toMatchObject({ n: 1 });
});

test('a user code that somebody else’s device has is not given away', async () => {
  const code = randomBytes(32);
  const device = (): Artifact => ({ ...session(randomBytes(32), code, 1), accountId: null, stage: 0 });
  await artifacts.put('DeviceCode', device());
  await expect(artifacts.put('DeviceCode', device())).rejects.toMatchObject({
    constraint: 'oidc_artifact_lookup_unique',
  });
});
