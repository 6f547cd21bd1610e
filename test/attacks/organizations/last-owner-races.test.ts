/** Two owners who end each other's ownership at the same time, in one process and in two on one database: one of them stays. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { byUser } from '#audit/module.ts';
import { systemClock } from '#kernel/clock.ts';
import type { Id } from '#kernel/ids.ts';
import { createLog } from '#kernel/log.ts';
import { type App, createApp } from '../../../src/app/app.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { runOperation } from '../../support/operations.ts';

let latchkey: TestApp;
let second: App;
beforeAll(async () => {
  latchkey = await startTestApp();
  const { config } = latchkey;
  const isShared = config.databaseUrl !== undefined;
  second = isShared
    ? await createApp({ config, log: createLog({ level: 'silent' }), clock: systemClock })
    : latchkey.app;
});
afterAll(async () => {
  if (second !== latchkey.app) await second.close();
  await latchkey.close();
});

type Owner = { organization_id: string; user_id: string; assignment_id: string };
type Act = (app: App, owner: Owner) => Promise<string | null>;
type Members = { id: string }[];

/** Two owners of a new organization. */
async function owners(): Promise<Owner[]> {
  const [first, other] = [await latchkey.user(), await latchkey.user()];
  const { id: organization_id } = await latchkey.run<{ id: string }>('organizations.create', {
    name: 'Acme',
    owner: first.id,
  });
  const given = { organization_id, user_id: other.id, roles: ['TENANT_OWNER'] };
  await latchkey.run('organizations.members.create', given);
  return Promise.all(
    [first, other].map(async ({ id: user_id }) => {
      const asked = { organization_id, user_id };
      const { assignments } = await latchkey.run<{ assignments: Members }>('organizations.assignments.list', asked);
      return { ...asked, assignment_id: assignments[0]!.id };
    }),
  );
}

const codeOf = async (app: App, name: string, members: object) => {
  const answer = await runOperation(app.operations, name, members);
  return answer.ok ? null : answer.code;
};
const acts: Readonly<Record<string, Act>> = {
  'loses the role': (app, { organization_id, assignment_id }) =>
    codeOf(app, 'organizations.assignments.delete', { organization_id, assignment_id }),
  'is removed': (app, { organization_id, user_id }) =>
    codeOf(app, 'organizations.members.delete', { organization_id, user_id }),
  'is disabled': (app, { user_id }) => codeOf(app, 'users.disable', { user_id }),
  'closes the account': (app, { user_id }) =>
    app.closing.close(user_id as Id<'usr'>, byUser(user_id as Id<'usr'>)).then(
      () => null,
      (error: { code?: string }) => error.code ?? String(error),
    ),
};
const pairs = Object.keys(acts).flatMap((one, at) =>
  Object.keys(acts)
    .slice(at)
    .map((other) => [one, other] as const),
);

describe.each(['in this process', 'in another process'])('%s', (where) => {
  test.each(pairs)('one owner %s, and the other one %s', async (one, other) => {
    const there = where === 'in this process' ? latchkey.app : second;
    for (let round = 0; round < 3; round += 1) {
      const [first, last] = await owners();
      const codes = await Promise.all([acts[one]!(latchkey.app, first!), acts[other]!(there, last!)]);
      const refusals = codes.filter((code) => code !== null);
      expect(refusals).toEqual([expect.stringMatching(/^(organizations|users)\.last_owner$/)]);
    }
  });
});
