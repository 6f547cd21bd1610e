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
  expect(outcomes.filter((outcome) => outcome === 'spent')).toHaveLength(1);
  expect(outcomes.filter((outcome) => outcome === 'over')).toHaveLength(18);
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

const hash = (): Buffer => randomBytes(32);
const held = (grantHash: Buffer, idHash = hash()): Artifact => ({ ...code(grantHash), idHash });

/** A refresh token that is about to be replaced, with the writes of any number of requests that show it. */
async function family() {
  const grant = { ...session(hash(), hash(), 1), lookupHash: null };
  await artifacts.put('Grant', grant);
  const [used, successor] = [held(grant.idHash), held(grant.idHash)];
  await artifacts.put('RefreshToken', used);
  const tokens: Artifact[] = [];
  const refresh = (given: { since?: Date; isRepeat?: boolean; successor?: Artifact; of?: Artifact } = {}) => {
    const { since = fromNow(systemClock, -10_000), isRepeat = false, of = used } = given;
    const next = given.successor ?? successor;
    const access = held(grant.idHash);
    tokens.push(access);
    const rotation = { successorHash: next.idHash, since, isRepeat };
    return artifacts.write({
      consumed: { kind: 'RefreshToken', idHash: of.idHash, rotation },
      puts: [
        { kind: 'RefreshToken', artifact: next },
        { kind: 'AccessToken', artifact: access },
      ],
    });
  };
  const stored = async () => {
    const found = await Promise.all(tokens.map(({ idHash }) => artifacts.find('AccessToken', idHash)));
    return found.filter((token) => token !== null).length;
  };
  return { grant, used, successor, refresh, stored };
}

test('many that use one refresh token store one successor and an access token each', async () => {
  const { used, successor, refresh, stored, grant } = await family();
  const others = Array.from({ length: 9 }, () => held(grant.idHash));
  const outcomes = await Promise.all([undefined, ...others].map((next) => refresh(next ? { successor: next } : {})));
  const repeats = outcomes.filter((outcome) => typeof outcome === 'object');
  const consumed = await artifacts.find('RefreshToken', used.idHash);
  // Nodes with different rings make different successors; the one that was stored first is everybody's.
  expect(outcomes.filter((outcome) => outcome === 'consumed')).toHaveLength(1);
  expect(repeats).toEqual(Array.from({ length: 9 }, () => ({ successorHash: consumed?.successorHash })));
  const all = await Promise.all([successor, ...others].map(({ idHash }) => artifacts.find('RefreshToken', idHash)));
  expect(all.filter((found) => found !== null).map((found) => found.idHash)).toEqual([consumed?.successorHash]);
  expect(await stored()).toBe(10);
});

type Family = Awaited<ReturnType<typeof family>>;
test.each<[string, (family: Family) => Promise<unknown>, Parameters<Family['refresh']>[0], 'over'?]>([
  [
    'its successor was used',
    ({ successor, refresh, grant }) => refresh({ of: successor, successor: held(grant.idHash) }),
    {},
  ],
  ['its successor is gone', ({ successor }) => artifacts.remove('RefreshToken', successor.idHash), {}],
  ['its time is over', async () => undefined, { since: fromNow(systemClock, 60_000) }],
  ['the grant is over', ({ grant }) => artifacts.revokeGrant(grant.idHash), {}, 'over'],
])('a used refresh token ends its grant, once, when %s', async (_what, happen, given, outcome) => {
  for (const isRepeat of [false, true]) {
    const one = await family();
    expect(await one.refresh()).toBe('consumed');
    expect(await one.refresh({ isRepeat })).toEqual({ successorHash: one.successor.idHash });
    await happen(one);
    expect(await one.refresh({ isRepeat, ...given })).toBe(outcome ?? 'spent');
    expect(await one.refresh({ isRepeat, ...given })).toBe('over');
    expect(await artifacts.find('Grant', one.grant.idHash)).toBeNull();
    expect(await one.stored()).toBe(0);
  }
});

test('a refresh token that was consumed without a successor is not answered again', async () => {
  const { used, refresh } = await family();
  await artifacts.consume('RefreshToken', used.idHash);
  expect(await refresh()).toBe('spent');
});

test('answers to one refresh token are limited, and the last ones write nothing', async () => {
  const { refresh, stored, successor } = await family();
  await refresh();
  const outcomes = await Promise.all(Array.from({ length: 255 }, () => refresh({ isRepeat: true })));
  expect(outcomes.filter((outcome) => outcome === 'exhausted')).toHaveLength(5);
  expect(await stored()).toBe(251);
  expect(await artifacts.find('RefreshToken', successor.idHash)).not.toBeNull();
});
