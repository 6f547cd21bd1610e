/** Every way by which the instance could lose its last administrator: refused as long as there is no other one. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { byUser } from '#audit/module.ts';
import { systemClock } from '#kernel/clock.ts';
import { type Id, toUuid } from '#kernel/ids.ts';
import { createLog } from '#kernel/log.ts';
import { type App, createApp } from '../../../src/app/app.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { declaredCode, runOperation } from '../../support/operations.ts';

let latchkey: TestApp;
/** Another process on a server, this one on the embedded database. */
let second: App;
beforeAll(async () => {
  latchkey = await startTestApp();
  const { config, app } = latchkey;
  const log = createLog({ level: 'silent' });
  second = config.databaseUrl === undefined ? app : await createApp({ config, log, clock: systemClock });
});
afterEach(() => latchkey.app.database.sql('update users set is_administrator = false where is_administrator'));
afterAll(async () => {
  if (second !== latchkey.app) await second.close();
  await latchkey.close();
});

const administrator = () => latchkey.user({ administrator: true, email_verified: true });
const codeOf = async (app: App, name: string, members: object) =>
  declaredCode(name, await runOperation(app.operations, name, members));
async function assignmentOf({ id: user_id }: TestUser): Promise<string> {
  const { assignments } = await latchkey.run<{ assignments: { id: string }[] }>('assignments.list', {
    user_id,
    role: 'SUPER_ADMIN',
  });
  return assignments[0]!.id;
}

type Act = (app: App, user: TestUser) => Promise<string | null>;
const acts: Readonly<Record<string, Act>> = {
  'loses the role': async (app, user) => codeOf(app, 'assignments.delete', { assignment_id: await assignmentOf(user) }),
  'is disabled': (app, { id }) => codeOf(app, 'users.disable', { user_id: id }),
  'is disabled by force': (app, { id }) => codeOf(app, 'users.disable', { user_id: id, force: true }),
  'closes the account': (app, { id }) =>
    app.closing.close(id as Id<'usr'>, byUser(id as Id<'usr'>)).then(
      () => null,
      (error: { code?: string }) => error.code ?? String(error),
    ),
  'is disabled by an import': async (app, { email }) => {
    const lines = [{ line: 1, record: { email, email_verified: true, status: 'disabled' } }];
    const answer = await runOperation(app.operations, 'users.import', { lines, update: true });
    const { results } = (answer as { result: { results: { outcome: string; reason?: string }[] } }).result;
    return results[0]!.outcome === 'refused' && /last active administrator/.test(results[0]!.reason ?? '')
      ? 'users.last_administrator'
      : null;
  },
};

test.each(Object.entries(acts))('the last administrator who %s is refused', async (_title, act) => {
  const user = await administrator();
  expect(await act(latchkey.app, user)).toBe('users.last_administrator');
  await administrator();
  expect(await act(latchkey.app, user)).toBeNull();
});

describe('another administrator is not', () => {
  test.each<[string, (user: TestUser) => Promise<unknown>]>([
    [
      'a member of a group with the role',
      async ({ id: user_id }) => {
        const { id: group_id } = await latchkey.run<{ id: string }>('groups.create', { name: 'Administrators' });
        await latchkey.run('assignments.create', { group_id, role: 'SUPER_ADMIN' });
        await latchkey.run('groups.members.create', { group_id, user_id });
      },
    ],
    [
      'a user whose role ends at a date',
      ({ id: user_id }) =>
        latchkey.run('assignments.create', {
          user_id,
          role: 'SUPER_ADMIN',
          expires_at: new Date(Date.now() + 60_000).toISOString(),
        }),
    ],
    [
      'a user who is disabled',
      async ({ id: user_id }) => {
        await latchkey.run('assignments.create', { user_id, role: 'SUPER_ADMIN' });
        await latchkey.run('users.disable', { user_id });
      },
    ],
    [
      'a user who is closing the account',
      async ({ id }) => {
        await latchkey.run('assignments.create', { user_id: id, role: 'SUPER_ADMIN' });
        await latchkey.app.database.sql(`update users set deletes_at = now() + interval '1 day' where id = $1`, [
          toUuid(id as Id<'usr'>),
        ]);
      },
    ],
  ])('%s', async (_title, arrange) => {
    const user = await administrator();
    await arrange(await latchkey.user());
    expect(await acts['loses the role']!(latchkey.app, user)).toBe('users.last_administrator');
  });
});

const pairs = ['loses the role', 'is disabled', 'closes the account'].flatMap((one, at, all) =>
  all.slice(at).map((other) => [one, other] as const),
);
test.each(pairs)('of two, one %s and the other one %s at the same time: one stays', async (one, other) => {
  for (let round = 0; round < 3; round += 1) {
    const [first, last] = [await administrator(), await administrator()];
    const codes = await Promise.all([acts[one]!(latchkey.app, first), acts[other]!(second, last)]);
    expect(codes.filter((code) => code !== null)).toEqual(['users.last_administrator']);
    await latchkey.app.database.sql('update users set is_administrator = false where is_administrator');
  }
});
