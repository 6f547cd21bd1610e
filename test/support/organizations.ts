import { newId, toUuid } from '#kernel/ids.ts';
import type { TestApp, TestUser } from './app.ts';

export type TestOrganization = { id: string; slug: string; name: string };

let made = 0;

/** An organization with members who have no roles. */
export async function organizationOf(
  { app }: Pick<TestApp, 'app'>,
  members: readonly Pick<TestUser, 'id'>[],
  given: Partial<TestOrganization> = {},
): Promise<TestOrganization> {
  const id = newId('org');
  const { slug = `org-${String((made += 1))}`, name = `Organization ${String(made)}` } = given;
  await app.database.sql(
    `with made as (insert into organization (id, slug, name, status, created_at, updated_at)
       values ($1, $2, $3, 'active', now(), now()) returning id)
     insert into organization_slug (slug, organization_id, taken_at) select $2, id, now() from made`,
    [toUuid(id), slug, name],
  );
  for (const member of members) await join({ app }, { id }, member);
  return { id, slug, name };
}

/** A membership that began some seconds ago. */
export async function join(
  { app }: Pick<TestApp, 'app'>,
  { id }: Pick<TestOrganization, 'id'>,
  user: Pick<TestUser, 'id'>,
  secondsAgo = 60,
): Promise<void> {
  await app.database.sql(
    `insert into organization_member (organization_id, user_id, source, created_at)
     values ($1, $2, 'operation', now() - $3 * interval '1 second')`,
    [toUuid(id as `org_${string}`), toUuid(user.id as `usr_${string}`), secondsAgo],
  );
}

/** Ends a membership, as a service does. */
export async function leave(
  { app }: Pick<TestApp, 'app'>,
  { id }: Pick<TestOrganization, 'id'>,
  user: Pick<TestUser, 'id'>,
): Promise<void> {
  await app.database.transaction((em) =>
    em.execute('delete from organization_member where organization_id = ? and user_id = ?', [
      toUuid(id as `org_${string}`),
      toUuid(user.id as `usr_${string}`),
    ]),
  );
}

export async function setStatus(
  { app }: Pick<TestApp, 'app'>,
  { id }: Pick<TestOrganization, 'id'>,
  status: 'active' | 'suspended' | 'closing',
): Promise<void> {
  await app.database.transaction((em) =>
    em.execute('update organization set status = ? where id = ?', [status, toUuid(id as `org_${string}`)]),
  );
}
