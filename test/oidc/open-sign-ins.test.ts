import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { fromNow, MINUTE } from '#kernel/clock.ts';
import { randomSecret, sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { type Kept, OpenSignIns, OWN_ID } from '../../src/oidc/artifacts/open-sign-ins.ts';
import { PostgresArtifacts } from '../../src/oidc/artifacts/postgres-artifacts.ts';
import { testClock } from '../support/clock.ts';
import { openTestDatabase } from '../support/database.ts';

const clock = testClock();
const MANY = 20;
let database: Database;
let signIns: OpenSignIns;
let uid: string;

beforeAll(async () => {
  database = await openTestDatabase();
  signIns = new OpenSignIns(clock, database);
});
afterAll(() => database.close());
beforeEach(async () => {
  uid = randomSecret();
  await ask({ returnTo: `https://id.example.com/oidc/auth/${OWN_ID}`, lastSubmission: { select_account: {} } });
});

const ask = (payload: Record<string, unknown>) =>
  new PostgresArtifacts(clock, database).put('Interaction', {
    idHash: sha256(uid),
    lookupHash: null,
    grantHash: null,
    sessionHash: null,
    accountId: null,
    clientId: null,
    expiresAt: fromNow(clock, MINUTE),
    stage: null,
    payload,
  });
const kept = async () => (await signIns.find(uid))!.kept;
const end = (read: Kept, login: Record<string, unknown>, accountId: string) =>
  signIns.end(uid, read, { accountId, result: { login } }, { conditions: [], others: [] });
const proved = { progress: { proofs: 1 }, accountId: 'usr_1' };
const count = (outcomes: readonly unknown[]): number => outcomes.filter(Boolean).length;

test('a written state is read, and its last reader may overwrite it', async () => {
  const read = await kept();
  expect(read).toEqual({ progress: null, accountId: null, step: 0 });
  expect(await signIns.write(uid, read, { progress: { identifier: 'a@example.com' }, accountId: null })).toBe(true);
  expect(await signIns.write(uid, read, proved)).toBe(true);
  expect(await kept()).toEqual({ ...proved, step: 2 });
});

test('one of many that read the same state writes', async () => {
  const reads = await Promise.all(Array.from({ length: MANY }, kept));
  expect(count(await Promise.all(reads.map((read) => signIns.write(uid, read, proved))))).toBe(1);
});

test('proofs of a user are removed from earlier reads, and from every sign-in except the named one', async () => {
  const read = await kept();
  await signIns.write(uid, read, proved);
  await database.transaction((em) => signIns.endOf(em, 'usr_1', uid));
  await database.transaction((em) => signIns.endOf(em, 'usr_2', null));
  expect(await kept()).toMatchObject(proved);
  await database.transaction((em) => signIns.endOf(em, 'usr_1', null));
  expect(await signIns.write(uid, read, proved)).toBe(false);
  expect(await end(read, {}, 'usr_1')).toBeNull();
  expect(await kept()).toMatchObject({ progress: null, accountId: null });
});

test('one of many responses counts, next to earlier prompts, and nothing is written after it', async () => {
  const read = await kept();
  await signIns.write(uid, read, proved);
  const answers = await Promise.all(
    Array.from({ length: MANY }, (_, i) => end(read, { i }, i % 2 ? 'usr_1' : 'usr_2')),
  );
  expect(answers.filter((path) => path !== null)).toEqual([`/oidc/auth/${uid}`]);
  expect((await signIns.find(uid))?.payload['result']).toEqual({
    select_account: {},
    login: { i: expect.any(Number) },
  });
  expect(await signIns.write(uid, await kept(), proved)).toBe(false);
});

test('an error is stored alone', async () => {
  expect(await signIns.answer(uid, { error: 'access_denied' })).toBe(`/oidc/auth/${uid}`);
  expect(await signIns.answer(uid, { consent: {} })).toBeNull();
  expect((await signIns.find(uid))?.payload['result']).toEqual({ error: 'access_denied' });
});

test('one of many that take the response is told whose it was', async () => {
  await signIns.write(uid, await kept(), proved);
  const taken = await Promise.all(Array.from({ length: MANY }, () => signIns.take(sha256(uid))));
  expect(taken.filter((one) => one !== null)).toEqual([{ accountId: 'usr_1' }]);
  expect(await signIns.find(uid)).toBeNull();
});

test('one of many that read and end it at once gets it, with the address of its return', async () => {
  await signIns.write(uid, await kept(), proved);
  const taken = await Promise.all(Array.from({ length: MANY }, () => signIns.takeOutsideSession(uid)));
  expect(taken.filter((one) => one !== null)).toEqual([
    { accountId: 'usr_1', payload: expect.objectContaining({ returnTo: `https://id.example.com/oidc/auth/${uid}` }) },
  ]);
  expect(await signIns.take(sha256(uid))).toBeNull();
});

test('a question of a session is not ended by being read', async () => {
  await ask({ returnTo: 'https://id.example.com/oidc/auth/x', session: { uid: 'ses', accountId: 'usr_1' } });
  expect(await signIns.takeOutsideSession(uid)).toBeNull();
  expect(await signIns.find(uid)).not.toBeNull();
});

test('the engine may write its prompt again without a change of the results', async () => {
  await signIns.write(uid, await kept(), proved);
  await ask({ returnTo: 'https://id.example.com/oidc/auth/x', prompt: 'other' });
  expect(await signIns.find(uid)).toMatchObject({ payload: { prompt: 'other' }, kept: { ...proved, step: 1 } });
});

test('an expired sign-in is not found, and cannot be answered', async () => {
  clock.advance(MINUTE);
  expect(await signIns.find(uid)).toBeNull();
  expect(await signIns.answer(uid, { login: {} })).toBeNull();
  expect(await signIns.takeOutsideSession(uid)).toBeNull();
  expect(await end({ progress: null, accountId: null, step: 0 }, {}, 'usr_1')).toBeNull();
});
