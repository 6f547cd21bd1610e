import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';

let latchkey: TestApp;

beforeAll(async () => {
  latchkey = await startTestApp();
  void latchkey.app.startJobs();
});
afterAll(() => latchkey.close());

test('the product cleans up and rotates keys automatically, on one of its nodes', async () => {
  const { database } = latchkey.app;
  const schedules = () => database.sql<{ name: string }>('select name from latchkey_jobs.schedule');
  await vi.waitFor(
    async () =>
      expect((await schedules()).map(({ name }) => name)).toEqual(
        expect.arrayContaining(['clean-up', 'client-secrets', 'keys']),
      ),
    { timeout: 10_000 },
  );
});

test('expired rows are deleted, others stay', async () => {
  const { database } = latchkey.app;
  const [past, future] = [new Date(Date.now() - 400 * 86_400_000), new Date(Date.now() + 86_400_000)];
  const user = await latchkey.user();
  const [{ id } = { id: '' }] = await database.sql<{ id: string }>('select id from users where email = $1', [
    user.email,
  ]);
  for (const at of [past, future]) {
    const key = randomBytes(32);
    await database.sql(
      `insert into oidc_artifact (id_hash, kind, expires_at, payload) values ($1, 'AccessToken', $2, '{}')`,
      [key, at],
    );
    await database.sql(`insert into sign_in_progress (uid_hash, progress, expires_at) values ($1, '{}', $2)`, [
      key,
      at,
    ]);
    await database.sql(`insert into attempt_counter (key, failures, changed_at) values ($1, 1, $2)`, [key, at]);
    await database.sql(
      `insert into known_device (secret_hash, user_id, user_agent, created_at, seen_at) values ($1, $2, '', $3, $3)`,
      [key, id, at],
    );
  }
  const counts = async () =>
    Object.fromEntries(
      await Promise.all(
        Object.entries({
          oidc_artifact: 'expires_at',
          sign_in_progress: 'expires_at',
          attempt_counter: 'changed_at',
          known_device: 'seen_at',
        }).map(async ([table, column]) => {
          const [row] = await database.sql<{ old: number; living: number }>(
            `select (count(*) filter (where ${column} = $1))::int as old, (count(*) filter (where ${column} = $2))::int as living from ${table}`,
            [past, future],
          );
          return [table, [row?.old, row?.living]];
        }),
      ),
    ) as Record<string, unknown>;
  expect(Object.values(await counts())).toEqual(Array.from({ length: 4 }, () => [1, 1]));
  // As the schedule does.
  await database.sql(`insert into latchkey_jobs.job (name) values ('clean-up')`);
  await vi.waitFor(async () => expect(Object.values(await counts())).toEqual(Array.from({ length: 4 }, () => [0, 1])), {
    timeout: 20_000,
    interval: 200,
  });
});
