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

test('a session that many requests write at once contains the writes of each', async () => {
  for (let round = 0; round < 20; round += 1) {
    const [id, uid] = [randomBytes(32), randomBytes(32)];
    const written = await Promise.all(
      Array.from({ length: 16 }, (_, n) => artifacts.put('Session', session(id, uid, n))),
    );
    expect(written).toEqual(Array.from({ length: 16 }, () => true));
    expect((await artifacts.findByLookup('Session', uid))?.idHash).toEqual(id);
  }
});

test('an older request cannot overwrite a session that was renamed meanwhile', async () => {
  const [before, after, uid] = [randomBytes(32), randomBytes(32), randomBytes(32)];
  await artifacts.put('Session', session(before, uid, 1));
  await artifacts.rename(before, after);
  expect(await artifacts.put('Session', session(before, uid, 2))).toBe(false);
  expect(await artifacts.find('Session', before)).toBeNull();
  expect((await artifacts.find('Session', after))?.payload).toMatchObject({ n: 1 });
});

test('a user code of another device is not issued', async () => {
  const code = randomBytes(32);
  const device = (): Artifact => ({ ...session(randomBytes(32), code, 1), accountId: null, stage: 0 });
  await artifacts.put('DeviceCode', device());
  await expect(artifacts.put('DeviceCode', device())).rejects.toMatchObject({
    constraint: 'oidc_artifact_lookup_unique',
  });
});

const code = (grant: Buffer): Artifact => ({
  ...session(randomBytes(32), randomBytes(32), 1),
  lookupHash: null,
  grantHash: grant,
});

test('a grant and its artifacts are written at once, unless the grant was revoked before', async () => {
  const grant = { ...session(randomBytes(32), randomBytes(32), 1), lookupHash: null };
  const puts = () => [
    { kind: 'Grant' as const, artifact: grant },
    { kind: 'AuthorizationCode' as const, artifact: code(grant.idHash) },
    { kind: 'Session' as const, artifact: session(randomBytes(32), randomBytes(32), 1) },
  ];
  const found = (batch: ReturnType<typeof puts>) =>
    Promise.all(batch.map(async ({ kind, artifact }) => (await artifacts.find(kind, artifact.idHash)) !== null));
  const before = puts();
  await artifacts.write({ consumed: null, puts: before });
  expect(await found(before)).toEqual([true, true, true]);
  await artifacts.revokeGrant(grant.idHash);
  const after = puts();
  await artifacts.write({ consumed: null, puts: after });
  expect(await found(after)).toEqual([false, false, true]);
});

test('one of many that consume one code for a token gets a token, which ends with the grant', async () => {
  const grant = { ...session(randomBytes(32), randomBytes(32), 1), lookupHash: null };
  await artifacts.put('Grant', grant);
  const used = code(grant.idHash);
  await artifacts.put('AuthorizationCode', used);
  const tokens = Array.from({ length: 20 }, () => code(grant.idHash));
  const outcomes = await Promise.all(
    tokens.map((token) =>
      artifacts.write({
        consumed: { kind: 'AuthorizationCode', idHash: used.idHash },
        puts: [{ kind: 'AccessToken', artifact: token }],
      }),
    ),
  );
  expect(outcomes.filter((outcome) => outcome === 'consumed')).toHaveLength(1);
  expect(new Set(outcomes)).toEqual(new Set(['consumed', 'spent']));
  const left = await Promise.all(tokens.map(({ idHash }) => artifacts.find('AccessToken', idHash)));
  expect(left.every((token) => token === null)).toBe(true);
});

test('a session that was renamed meanwhile does not block other writes', async () => {
  const [before, after, uid] = [randomBytes(32), randomBytes(32), randomBytes(32)];
  await artifacts.put('Session', session(before, uid, 1));
  await artifacts.rename(before, after);
  const grant = { ...session(randomBytes(32), randomBytes(32), 1), lookupHash: null };
  await artifacts.write({
    consumed: null,
    puts: [
      { kind: 'Grant', artifact: grant },
      { kind: 'Session', artifact: session(before, uid, 2) },
    ],
  });
  expect(await artifacts.find('Grant', grant.idHash)).not.toBeNull();
  expect((await artifacts.find('Session', after))?.payload).toMatchObject({ n: 1 });
});
