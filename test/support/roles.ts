/** Organizations, members and roles for tests of access. */
import { byClient } from '#audit/module.ts';
import { fromUuid, newId, toUuid } from '#kernel/ids.ts';
import { runFor } from '#kernel/operations/bound-operation.ts';
import type { TestApp, TestUser } from './app.ts';
import { declaredCode, givenTo, runOperation } from './operations.ts';

export type TestRole = { id: string; name: string; inherits: string[]; permissions: string[] };

/** An organization without any member. */
export async function newOrganization({ app }: TestApp, name: string): Promise<string> {
  const id = newId('org');
  const slug = id.replace('_', '-');
  await app.database.sql(
    `insert into organization (id, slug, name, status, created_at, updated_at) values ($1, $2, $3, 'active', now(), now())`,
    [toUuid(id), slug, name],
  );
  await app.database.sql('insert into organization_slug (slug, organization_id, taken_at) values ($1, $2, now())', [
    slug,
    toUuid(id),
  ]);
  return id;
}

/** Makes a user a member of an organization, with these roles. */
export async function joinWith(latchkey: TestApp, organizationId: string, user: TestUser, ...roles: string[]) {
  await latchkey.app.database.sql(
    `insert into organization_member (organization_id, user_id, source, created_at) values ($1, $2, 'operation', now())
     on conflict do nothing`,
    [toUuid(organizationId as `org_${string}`), toUuid(user.id as `usr_${string}`)],
  );
  for (const role of roles)
    await latchkey.run('organizations.assignments.create', { organization_id: organizationId, user_id: user.id, role });
}

/** The code of what an operation refuses to an operator; null when it does not. */
export async function codeOf({ app }: TestApp, name: string, members: object): Promise<string | null> {
  return declaredCode(name, await runOperation(app.operations, name, members));
}

/** The same for a caller that has these permissions alone, on the instance and in every organization. */
export async function codeFor({ app }: TestApp, held: readonly string[], name: string, members: object) {
  const by = { ...byClient('robot'), may: (permission: string) => held.includes(permission) };
  return declaredCode(name, await runFor(app.operations, by)(name, givenTo(name, members)));
}

/** A user id that no user has. */
export const missing = <Prefix extends string>(prefix: Prefix) =>
  fromUuid(prefix, '0190a0b0-c0d0-7000-8000-000000000000');
