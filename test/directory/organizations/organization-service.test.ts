/** Organizations and their members, without roles. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operator } from '#audit/module.ts';
import { access } from '#directory/access/module.ts';
import { createOrganizations, PolicyService } from '#directory/organizations/module.ts';
import { createSettings } from '#settings/module.ts';
import { createUsers, type OrganizationCreation } from '#directory/users/module.ts';
import type { MemberService, OwnOrganization } from '#directory/organizations/member-service.ts';
import type { OrganizationService } from '#directory/organizations/organization-service.ts';
import { nextSlug, slugOf, slugSchema } from '#directory/organizations/slug.ts';
import { DAY } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { type Id, newId, toUuid } from '#kernel/ids.ts';
import { openAccess } from '../../support/access.ts';
import { testClock } from '../../support/clock.ts';
import { policiesWith } from '../../support/policies.ts';
import { openAudit } from '../../support/audit.ts';
import { openTestDatabase } from '../../support/database.ts';
import { noRoles } from '../../support/no-roles.ts';

const clock = testClock();
let database: Database;
let parts: Awaited<ReturnType<typeof open>>;
let organizations: OrganizationService;
let members: MemberService;
let right: OrganizationCreation;
let tightenings: Awaited<ReturnType<typeof createSettings>>['tightenings'];

/** Under policies that differ from the defaults. */
async function open(changes: Record<string, unknown> = {}) {
  const audit = openAudit({ clock, database }).log;
  const { accessRevocation } = openAccess({ clock, database, audit });
  const { users, organizationCreation } = createUsers({
    clock,
    database,
    audit,
    accessRevocation,
    rights: access,
  });
  right = organizationCreation;
  const policies = policiesWith({ organizations: changes });
  ({ tightenings } = await createSettings({
    clock,
    database,
    audit,
    invalidation: { publish: async () => undefined, subscribe: () => undefined },
    log: { warn: () => undefined },
    organizationsOf: async () => [],
  }));
  return createOrganizations({ clock, database, audit, policies, tightenings, users, roles: noRoles });
}

beforeAll(async () => {
  database = await openTestDatabase();
  parts = await open();
  ({ organizations, members } = parts);
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
    await expect(members.add(id, newId('usr'), [], 'operation', operator)).rejects.toMatchObject({
      code: 'users.not_found',
    });
    const page = { limit: 2, after: null, sort: 'joined_at', isDescending: false, wantsTotal: true } as const;
    const { items, next, total } = await members.page(id, {}, page);
    expect(items.map(({ userId, source }) => [userId, source])).toEqual([
      [owner, 'created'],
      [second, 'operation'],
    ]);
    expect(total).toBe(3);
    const rest = await members.page(id, {}, { ...page, after: next });
    expect(rest.items.map(({ userId }) => userId)).toEqual([third]);
    expect(rest.next).toBeNull();
    const backwards = await members.page(id, {}, { ...page, sort: 'user_id', isDescending: true });
    expect(backwards.items.map(({ userId }) => userId)).toEqual([third, second]);
    const found = async (filters: Parameters<typeof members.page>[1]) =>
      (await members.page(id, filters, { ...page, limit: 100 })).items.map(({ userId }) => userId);
    expect(await found({ source: 'domain' })).toEqual([third]);
    expect(await found({ status: 'disabled' })).toEqual([]);
    expect(await found({ search: '%' })).toEqual([]);
    const [{ email } = { email: '' }] = items;
    expect(await found({ search: String(email).toUpperCase() })).toEqual([owner]);
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

describe('details of an organization', () => {
  test.each([
    ['an empty name', { name: ' \u202e ' }, 'name'],
    ['a long name', { name: 'x'.repeat(101) }, 'name'],
    ['a slug that is an id', { name: 'Acme', slug: newId('org') }, 'slug'],
    ['metadata that are a list', { name: 'Acme', metadata: ['x'] as never }, 'metadata'],
    ['more than 16 KiB of metadata', { name: 'Acme', metadata: { x: 'x'.repeat(16_400) } }, 'metadata'],
    ['more than 2 KiB for tokens', { name: 'Acme', publicMetadata: { x: 'x'.repeat(2050) } }, 'public_metadata'],
  ])('are refused with %s', async (_what, input, member) => {
    const refused = { code: 'organizations.invalid', details: { [member]: expect.any(String) as string } };
    await expect(organizations.create(input, operator)).rejects.toMatchObject(refused);
    const { id } = await organizations.create({ name: 'Fine' }, operator);
    await expect(organizations.change(id, input, operator)).rejects.toMatchObject(refused);
  });

  test('keep no hidden characters, and what is not given stays', async () => {
    const { id } = await organizations.create({ name: 'A\u202ecme', metadata: { a: 1 } }, operator);
    await organizations.change(id, { publicMetadata: { b: 2 }, name: undefined }, operator);
    expect(await organizations.findById(id)).toMatchObject({
      name: 'Acme',
      metadata: { a: 1 },
      publicMetadata: { b: 2 },
    });
  });
});

describe('the creation of an organization', () => {
  const refused = { code: 'organizations.creation_refused' };

  test('is left to permitted users by default', async () => {
    const user = await person();
    expect(await parts.creators.mayCreate(user)).toBe(false);
    await expect(organizations.createOwn(user, { name: 'Mine' }, operator)).rejects.toMatchObject(refused);
    await right.allow(user, true, operator);
    expect(await parts.creators.mayCreate(user)).toBe(true);
    const { id } = await organizations.createOwn(user, { name: 'Mine' }, operator);
    expect(await members.isMember(id, user)).toBe(true);
    await right.allow(user, false, operator);
    await expect(organizations.createOwn(user, { name: 'Mine too' }, operator)).rejects.toMatchObject(refused);
    await expect(right.allow(newId('usr'), true, operator)).rejects.toMatchObject({ code: 'users.not_found' });
  });

  test('is open to everyone, or to none, where the setting says so', async () => {
    const user = await person();
    expect(await (await open({ creation: 'anyone' })).creators.mayCreate(user)).toBe(true);
    await right.allow(user, true, operator);
    const off = await open({ creation: 'off' });
    expect(await off.creators.mayCreate(user)).toBe(false);
    await expect(off.organizations.createOwn(user, { name: 'Mine' }, operator)).rejects.toMatchObject(refused);
    await database.sql(`update users set status = 'disabled' where id = $1`, [toUuid(user)]);
    const anyone = await open({ creation: 'anyone' });
    expect(await anyone.creators.mayCreate(user)).toBe(false);
    await expect(anyone.organizations.createOwn(user, { name: 'Mine' }, operator)).rejects.toMatchObject(refused);
  });

  test('ends at the number that one user may create, also when many are created at once', async () => {
    const user = await person();
    const few = await open({ creation: 'anyone', createdPerUser: 2 });
    const asked = await Promise.allSettled(
      Array.from({ length: 6 }, () => few.organizations.createOwn(user, { name: 'Many' }, operator)),
    );
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    expect(await few.creators.mayCreate(user)).toBe(false);
    for (const each of asked)
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'organizations.too_many' });
  });

  test('needs an owner who exists', async () => {
    const input = { name: 'Ghosts', owner: newId('usr') };
    await expect(organizations.create(input, operator)).rejects.toMatchObject({ code: 'users.not_found' });
  });
});

describe('the closing of an organization', () => {
  test('can be called off until its days are over', async () => {
    const { id } = await organizations.create({ name: 'Closing', slug: 'closing', owner: await person() }, operator);
    const goesAt = await parts.closing.close(id, operator);
    expect(goesAt).toEqual(new Date(clock.now().getTime() + 30 * DAY));
    expect(await parts.closing.close(id, operator)).toEqual(goesAt);
    await expect(members.add(id, await person(), [], 'operation', operator)).rejects.toMatchObject({
      code: 'organizations.inactive',
    });
    clock.advance(29 * DAY);
    expect(await parts.closing.purge(100)).toBe(0);
    expect((await parts.closing.reopen(id, operator)).status).toBe('active');
    clock.advance(2 * DAY);
    expect(await parts.closing.purge(100)).toBe(0);
    await parts.closing.close(id, operator);
    clock.advance(30 * DAY);
    expect(await parts.closing.purge(100)).toBe(1);
    expect(await organizations.findById(id)).toBeNull();
    await expect(organizations.create({ name: 'Next', slug: 'closing' }, operator)).rejects.toMatchObject({
      code: 'organizations.slug_taken',
    });
    expect((await typesOf(id)).slice(2)).toEqual([
      'organization.closing_requested',
      'organization.closing_cancelled',
      'organization.closing_requested',
      'organization.erased',
    ]);
  });

  test.each([
    ['by closing at once', 0],
    ['when its days are over', 30],
  ])('ends its demands on sign-ins: %s', async (_how, closingDays) => {
    const { closing } = await open({ closingDays });
    const { id } = await organizations.create({ name: 'Demanding' }, operator);
    const policy = new PolicyService({ organizations, tightenings, policies: policiesWith() });
    await policy.set(id, 'mfa.enforcement', 'required', operator);
    expect(tightenings.known(id)).toMatchObject({ mfa: { enforcement: 'required' } });
    await closing.close(id, operator);
    if (closingDays > 0) expect(tightenings.known(id)).toMatchObject({ mfa: { enforcement: 'required' } });
    clock.advance(closingDays * DAY);
    await closing.purge(100);
    expect(await tightenings.find(id)).toEqual({});
    expect([tightenings.known(id), tightenings.areAny]).toEqual([undefined, false]);
  });

  test('leaves no demand that is made at the same moment', async () => {
    const { closing } = await open({ closingDays: 0 });
    const gone = await organizations.create({ name: 'Going' }, operator);
    await closing.close(gone.id, operator);
    const found = { require: async () => gone } as Pick<OrganizationService, 'require'>;
    const policy = new PolicyService({ organizations: found, tightenings, policies: policiesWith() });
    await expect(policy.set(gone.id, 'mfa.graceDays', 3, operator)).rejects.toMatchObject({
      code: 'organizations.not_found',
    });
    expect(await tightenings.find(gone.id)).toEqual({});
  });

  test('is not needed to end demands: an organization that takes its last one back has no row', async () => {
    const { id } = await organizations.create({ name: 'Lenient' }, operator);
    const policy = new PolicyService({ organizations, tightenings, policies: policiesWith() });
    const rows = () => database.sql('select 1 from policy_tightening where holder = $1', [id]);
    await policy.set(id, 'mfa.graceDays', 3, operator);
    expect(await rows()).toHaveLength(1);
    await policy.set(id, 'mfa.graceDays', null, operator);
    expect(await rows()).toEqual([]);
    expect(tightenings.known(id)).toBeUndefined();
  });

  test('happens at once where it has no days', async () => {
    const { closing } = await open({ closingDays: 0 });
    const { id } = await organizations.create({ name: 'At once' }, operator);
    expect(await closing.close(id, operator)).toBeNull();
    expect(await organizations.findById(id)).toBeNull();
    await expect(closing.close(id, operator)).rejects.toMatchObject({ code: 'organizations.not_found' });
  });

  test('is no way out of a suspension', async () => {
    const { id } = await organizations.create({ name: 'Stopped' }, operator);
    await parts.closing.close(id, operator);
    await organizations.suspend(id, undefined, operator);
    expect((await parts.closing.reopen(id, operator)).status).toBe('suspended');
    await expect(parts.closing.close(id, operator)).rejects.toMatchObject({ code: 'organizations.inactive' });
    clock.advance(60 * DAY);
    expect(await parts.closing.purge(100)).toBe(0);
    await organizations.resume(id, operator);
    await parts.closing.close(id, operator);
    expect((await organizations.resume(id, operator)).status).toBe('closing');
  });
});
