/** The rights of users as operations get them, without a token. */
import { byUser } from '#audit/module.ts';
import { createPermissions } from '#directory/access/module.ts';
import type { OrganizationId } from '#directory/organizations/module.ts';
import { systemClock } from '#kernel/clock.ts';
import { parseId } from '#kernel/ids.ts';
import { runFor } from '#kernel/operations/bound-operation.ts';
import { operations } from '../../src/app/operations.ts';
import type { TestApp, TestUser } from './app.ts';
import { declaredCode, givenTo } from './operations.ts';

const unshared = { publish: async () => {}, subscribe: () => {}, isHealthy: () => true };

/** Permissions of the application's database, read again. */
export const permissionsIn = ({ app: { database } }: TestApp) =>
  createPermissions({
    audit: { record: async () => {}, recordAll: async () => {} },
    clock: systemClock,
    database,
    invalidation: unshared,
  });

/** The code of what an operation refuses to a user; null when it does not. */
export async function codeForUser(
  latchkey: TestApp,
  user: Pick<TestUser, 'id'>,
  place: OrganizationId | null,
  name: string,
  members: object,
): Promise<string | null> {
  const { permission } = operations.find((operation) => operation.name === name)!;
  const may = await permissionsIn(latchkey).effective.mayOf(parseId('usr', user.id)!, place);
  const where = permission.startsWith('organization.') && place !== null ? place : undefined;
  if (!may(permission, where)) return `${permission} is missing`;
  const answer = await runFor(latchkey.app.operations, { ...byUser(parseId('usr', user.id)!), may })(
    name,
    givenTo(name, members),
  );
  return declaredCode(name, answer);
}
