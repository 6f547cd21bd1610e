/** Organizations and their members, without roles. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operator } from '#audit/module.ts';
import { createOrganizations, noRoles } from '#directory/organizations/module.ts';
import type { MemberService, OwnOrganization } from '#directory/organizations/member-service.ts';
import type { OrganizationService } from '#directory/organizations/organization-service.ts';
import { nextSlug, slugOf, slugSchema } from '#directory/organizations/slug.ts';
import { systemClock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { type Id, newId, toUuid } from '#kernel/ids.ts';
import { openAudit } from '../../support/audit.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
let organizations: OrganizationService;
let members: MemberService;

beforeAll(async () => {
  database = await openTestDatabase();
  const audit = openAudit({ clock: systemClock, database }).log;
  ({ organizations, members } = createOrganizations({ clock: systemClock, database, audit, roles: noRoles }));
});
afterAll(() => database.close());

let people = 0;
async function person(): Promise<Id<'usr'>> {
  const id = newId('usr');
  const email = `member${(people += 1)}@example.com`;
  await database.sql(
    `insert into users (id, status, email, email_canonical, email_verified, email_proof_due, phone_number_verified, profile,
       properties, password_update_required, is_administrator, created_at, updated_at)
     values ($1, 'active', $2, $2, true, false, false, '{}', '{}', false, false, now(), now())`,
    [toUuid(id), email],
  );
  return id;
}
const typesOf = async (organizationId: Id<'org'>) =>
  (
    await database.sql<{ type: string }>('select type from audit_event where organization_id = $1 order by id', [
      organizationId,
    ])
  ).map(({ type }) => type);

describe('an organization', () => {
  test('is found by its id, its slug and every slug that it had', async () => {
    const acme = await organizations.create({ name: 'Acme', slug: 'acme' }, operator);
    await organizations.change(acme.id, { slug: 'acme-labs', publicMetadata: { plan: 'pro' } }, operator);
    for (const name of [acme.id, 'acme', 'acme-labs'])
      expect(await organizations.require(name)).toMatchObject({
        id: acme.id,
        slug: 'acme-labs',
        name: 'Acme',
        status: 'active',
        metadata: {},
        publicMetadata: { plan: 'pro' },
      });
    await expect(organizations.require('other')).rejects.toMatchObject({ code: 'organizations.not_found' });
    await expect(organizations.require(newId('org'))).rejects.toMatchObject({ code: 'organizations.not_found' });
    expect(await typesOf(acme.id)).toEqual(['organization.created', 'organization.changed']);
  });

  test('keeps its former slugs, and takes one of them back', async () => {
    const first = await organizations.create({ name: 'First', slug: 'first' }, operator);
    await organizations.change(first.id, { slug: 'first-now' }, operator);
    const taken = { code: 'organizations.slug_taken' };
    await expect(organizations.create({ name: 'Second', slug: 'first' }, operator)).rejects.toMatchObject(taken);
    const second = await organizations.create({ name: 'Second' }, operator);
    await expect(organizations.change(second.id, { slug: 'first-now' }, operator)).rejects.toMatchObject(taken);
    expect((await organizations.change(first.id, { slug: 'first' }, operator)).slug).toBe('first');
    expect((await organizations.require('first-now')).id).toBe(first.id);
  });

  test('gets a slug of its name, and of two at once one gets the slug', async () => {
    const made = await Promise.all(
      Array.from({ length: 4 }, () => organizations.create({ name: 'Größe & Söhne' }, operator)),
    );
    const slugs = made.map(({ slug }) => slug);
    expect(slugs).toContain('gro-e-sohne');
    expect(new Set(slugs).size).toBe(4);
    const asked = await Promise.allSettled(
      Array.from({ length: 4 }, () => organizations.create({ name: 'Twice', slug: 'twice' }, operator)),
    );
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test.each(['a', 'acme', 'acme-labs', '4711', 'a'.repeat(63)])('may have the slug %s', (slug) =>
    expect(slugSchema.safeParse(slug).success).toBe(true),
  );
  test.each(['', 'Acme', '-acme', 'acme-', 'ac--me', 'ac me', 'ac_me', 'äcme', 'a'.repeat(64)])(
    'may not have the slug %j',
    (slug) => expect(slugSchema.safeParse(slug).success).toBe(false),
  );
  test.each(['Acme', '株式会社', '--', 'x'.repeat(200), 'İstanbul Ltd.'])(
    'named %j gets a slug that it may have',
    (name) => {
      for (const slug of [slugOf(name), nextSlug(slugOf(name))]) expect(slugSchema.safeParse(slug).success).toBe(true);
    },
  );

  test('is suspended and resumed', async () => {
    const { id } = await organizations.create({ name: 'Late payer' }, operator);
    await organizations.suspend(id, 'Unpaid', operator);
    expect((await organizations.findById(id))?.status).toBe('suspended');
    await expect(members.add(id, await person(), [], 'operation', operator)).rejects.toMatchObject({
      code: 'organizations.inactive',
    });
    await organizations.resume(id, operator);
    expect((await organizations.findById(id))?.status).toBe('active');
    expect(await typesOf(id)).toEqual(['organization.created', 'organization.suspended', 'organization.resumed']);
  });
});

describe('members', () => {
  test('are added, listed page by page, removed, and leave', async () => {
    const [owner, second, third] = [await person(), await person(), await person()];
    const { id } = await organizations.create({ name: 'Club', owner }, operator);
    await members.add(id, second, [], 'operation', operator);
    await members.add(id, third, [], 'domain', operator);
    await expect(members.add(id, third, [], 'domain', operator)).rejects.toMatchObject({
      code: 'organizations.already_member',
    });
    const page = await members.listMembers(id, { limit: 2 });
    expect(page.map(({ userId, source }) => [userId, source])).toEqual([
      [owner, 'created'],
      [second, 'operation'],
    ]);
    const rest = await members.listMembers(id, { limit: 2, after: second });
    expect(rest.map(({ userId }) => userId)).toEqual([third]);
    await members.remove(id, second, operator);
    await members.leave(id, third, operator);
    expect(await members.isMember(id, second)).toBe(false);
    expect(await members.isMember(id, owner)).toBe(true);
    await expect(members.remove(id, second, operator)).rejects.toMatchObject({
      code: 'organizations.member_not_found',
    });
    expect(await typesOf(id)).toEqual([
      'organization.created',
      'organization.member_added',
      'organization.member_added',
      'organization.member_added',
      'organization.member_removed',
      'organization.member_left',
    ]);
  });

  test('belong to any number of organizations', async () => {
    const user = await person();
    const made: OwnOrganization[] = [];
    for (const name of ['Zeta', 'alpha']) made.push(await organizations.create({ name, owner: user }, operator));
    expect(await members.organizationsOf(user)).toEqual(
      made.map(({ id, slug, name }) => ({ id, slug, name, status: 'active' })).toReversed(),
    );
    expect(await members.organizationsOf(await person())).toEqual([]);
  });
});
