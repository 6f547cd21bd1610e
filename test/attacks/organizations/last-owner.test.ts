/** An organization keeps an owner, and its slug under acts at the same time. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../../support/app.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey?.close());

const codesOf = async (acts: readonly Promise<unknown>[]): Promise<string[]> =>
  (await Promise.allSettled(acts)).map((outcome) =>
    outcome.status === 'fulfilled' ? 'done' : (/: (\S+)/.exec((outcome.reason as Error).message)?.[1] ?? ''),
  );
const owners = async (count: number): Promise<{ organization_id: string; users: string[] }> => {
  const users = await Promise.all(Array.from({ length: count }, async () => (await latchkey.user()).id));
  const { id: organization_id } = await latchkey.run<{ id: string }>('organizations.create', {
    name: 'Acme',
    owner: users[0],
  });
  for (const user_id of users.slice(1))
    await latchkey.run('organizations.members.create', { organization_id, user_id, roles: ['TENANT_OWNER'] });
  return { organization_id, users };
};
const remove = (organization_id: string, user_id: string) =>
  latchkey.run('organizations.members.delete', { organization_id, user_id });
const membersOf = async (organization_id: string) =>
  (await latchkey.run<{ members: { user_id: string }[] }>('organizations.members.list', { organization_id })).members;

test('the last owner is not removed, other members are', async () => {
  const { organization_id, users } = await owners(1);
  const { id: user_id } = await latchkey.user();
  await latchkey.run('organizations.members.create', { organization_id, user_id, roles: ['TENANT_ADMIN'] });
  expect(await codesOf([remove(organization_id, users[0]!)])).toEqual(['organizations.last_owner']);
  expect(await codesOf([remove(organization_id, user_id)])).toEqual(['done']);
  expect(await membersOf(organization_id)).toEqual([
    expect.objectContaining({ user_id: users[0], source: 'created', roles: ['TENANT_OWNER'] }),
  ]);
});

test('of owners who are removed at the same time, one stays', async () => {
  for (let round = 0; round < 5; round += 1) {
    const { organization_id, users } = await owners(3);
    const codes = await codesOf(users.map((user_id) => remove(organization_id, user_id)));
    expect(codes.toSorted()).toEqual(['done', 'done', 'organizations.last_owner']);
    expect(await membersOf(organization_id)).toHaveLength(1);
  }
});

test('of organizations that ask for one slug at the same time, one gets it', async () => {
  const ids: string[] = [];
  for (const name of ['One', 'Two', 'Three'])
    ids.push((await latchkey.run<{ id: string }>('organizations.create', { name })).id);
  const take = (slug: string) =>
    codesOf([
      ...ids.map((organization_id) => latchkey.run('organizations.update', { organization_id, slug })),
      latchkey.run('organizations.create', { name: 'Four', slug }),
    ]);
  for (let round = 0; round < 5; round += 1) {
    const codes = await take(`wanted-${String(round)}`);
    expect(codes.filter((code) => code === 'done')).toHaveLength(1);
    expect(codes.filter((code) => code === 'organizations.slug_taken')).toHaveLength(3);
  }
});

test('of a removal and a closing at the same time, none undoes the other', async () => {
  for (let round = 0; round < 5; round += 1) {
    const { organization_id, users } = await owners(2);
    const codes = await codesOf([
      remove(organization_id, users[1]!),
      latchkey.run('organizations.close', { organization_id }),
      latchkey.run('organizations.members.create', { organization_id, user_id: (await latchkey.user()).id }),
    ]);
    expect(codes.slice(0, 2)).toEqual(['done', 'done']);
    expect(['done', 'organizations.inactive']).toContain(codes[2]);
    expect(await latchkey.run('organizations.read', { organization_id })).toMatchObject({ status: 'closing' });
    expect((await membersOf(organization_id)).map((member) => member.user_id)).not.toContain(users[1]);
  }
});
