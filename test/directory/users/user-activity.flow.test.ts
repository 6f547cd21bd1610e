import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { MINUTE, systemClock } from '#kernel/clock.ts';
import { newId } from '#kernel/ids.ts';
import { createLog } from '#kernel/log.ts';
import { UserActivity } from '#directory/users/module.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { tokensFor } from '../../support/visitor.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey.close());

async function lastActive({ id }: TestUser): Promise<Date | null> {
  const shown = await latchkey.app.run('users.read', { params: { user_id: id } });
  if (!shown.ok) throw new Error(shown.message);
  const { last_active_at: at } = shown.result as { last_active_at: string | null };
  return at === null ? null : new Date(at);
}

describe('the last activity of a user', () => {
  test('is shown after a sign-in, and unknown before it', async () => {
    const user = await latchkey.user();
    expect(await lastActive(user)).toBeNull();
    const before = Date.now();
    const client = await latchkey.client({ first_party: true });
    await tokensFor(latchkey.base, client, user);
    await vi.waitFor(async () => expect(await lastActive(user)).not.toBeNull(), { timeout: 5000, interval: 50 });
    expect((await lastActive(user))!.getTime()).toBeGreaterThanOrEqual(before - 1);
    const list = await latchkey.app.run('users.list', { input: {} });
    const { users } = (list as unknown as { result: { users: { id: string; last_active_at: string | null }[] } })
      .result;
    expect(users.find(({ id }) => id === user.id)?.last_active_at).toBe((await lastActive(user))!.toISOString());
  });

  test('is written at most once in five minutes, by whichever process notes it', async () => {
    const user = await latchkey.user();
    let now = systemClock.now().getTime();
    const clock = { now: () => new Date(now) };
    const statements: string[] = [];
    const sql: typeof latchkey.app.database.sql = (text, values) => {
      statements.push(text);
      return latchkey.app.database.sql(text, values);
    };
    const nodes = [1, 2].map(() => new UserActivity({ clock, database: { sql }, log: createLog({ level: 'silent' }) }));
    const noteOn = async (node: UserActivity | undefined) => {
      node!.note(user.id);
      await node!.stop();
    };
    const begun = now;
    await noteOn(nodes[0]);
    now += MINUTE;
    await noteOn(nodes[0]);
    expect(statements).toHaveLength(1);
    await noteOn(nodes[1]);
    expect((await lastActive(user))?.getTime()).toBe(begun);
    now += 5 * MINUTE;
    await noteOn(nodes[0]);
    expect((await lastActive(user))?.getTime()).toBe(now);
  });

  test('is written although another user was erased meanwhile', async () => {
    const user = await latchkey.user();
    const activity = new UserActivity({
      clock: systemClock,
      database: latchkey.app.database,
      log: createLog({ level: 'silent' }),
    });
    activity.note(newId('usr'));
    activity.note(user.id);
    await activity.stop();
    expect(await lastActive(user)).not.toBeNull();
  });

  test('does not make processes read the user again', async () => {
    const triggers = await latchkey.app.database.sql(
      `select 1 from pg_trigger where tgrelid = 'user_activity'::regclass and not tgisinternal`,
    );
    expect(triggers).toEqual([]);
  });
});

describe('the id of the system before', () => {
  test('is one user’s, and shown', async () => {
    const create = (email: string) =>
      latchkey.app.run('users.create', { input: { email, legacy_id: 'old-7' } }) as Promise<Record<string, unknown>>;
    expect(await create('old7@example.com')).toMatchObject({ ok: true, result: { legacy_id: 'old-7' } });
    expect(await create('other7@example.com')).toMatchObject({ ok: false, code: 'users.legacy_id_taken' });
  });
});
