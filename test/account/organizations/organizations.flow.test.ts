/** `/account/organizations`: roles, leaving, and organizations that a user creates. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isSignIn, send, signInTo } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { formsOf, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;

beforeAll(async () => {
  latchkey = await startTestApp({});
});
afterAll(() => latchkey.close());

const page = () => `${latchkey.base}/account/organizations`;

async function organizationWith(user: TestUser, roles: readonly string[], name = 'Fernway Studio') {
  const made = await latchkey.run<{ id: string }>('organizations.create', { name });
  await latchkey.run('organizations.members.create', { organization_id: made.id, user_id: user.id, roles });
  return made.id;
}

const namesOf = async ({ id }: Pick<TestUser, 'id'>): Promise<string[]> => {
  const { organizations } = await latchkey.run<{ organizations: { name: string }[] }>('users.organizations.list', {
    user_id: id,
  });
  return organizations.map(({ name }) => name);
};

describe('the organizations of a user', () => {
  test('are for users who are signed in', async () => {
    expect(isSignIn(await new Visitor().open(page()))).toBe(true);
  });

  test('are named on no page for a user who has nothing to do with one', async () => {
    const { visitor } = await signInTo(latchkey);
    for (const path of ['', '/security', '/apps', '/activity'])
      expect((await visitor.open(`${latchkey.base}/account${path}`)).text).not.toContain('/account/organizations');
    const own = await visitor.open(page());
    expect([own.status, own.text.includes('You don’t belong to any organizations')]).toEqual([200, true]);
  });

  test('are found from the overview, with the roles there and no role of other organizations', async () => {
    const { visitor, user } = await signInTo(latchkey);
    await organizationWith(user, ['TENANT_OWNER'], 'Kestrel');
    await organizationWith(user, [], 'Halden');
    await organizationWith(await latchkey.user(), ['TENANT_OWNER'], 'Foreign');
    expect((await visitor.open(`${latchkey.base}/account`)).text).toContain('href="/account/organizations"');
    const { text } = await visitor.open(page());
    expect(text).toContain('<small>Owner</small>');
    expect(text).toContain('<small></small>');
    expect(text).not.toContain('Foreign');
  });

  test('are left after a question', async () => {
    const { visitor, user } = await signInTo(latchkey);
    const id = await organizationWith(user, ['TENANT_USER']);
    const question = await visitor.open(`${page()}/${id}/leave`);
    expect(await namesOf(user)).toEqual(['Fernway Studio']);
    const left = await visitor.submit(question, {}, 'confirm');
    expect([left.url, left.text.includes('You left the organization.')]).toEqual([`${page()}?done=left`, true]);
    expect(await namesOf(user)).toEqual([]);
  });

  test('are not left by their only owner, who learns why', async () => {
    const { visitor, user } = await signInTo(latchkey);
    const id = await organizationWith(user, ['TENANT_OWNER']);
    const refused = await visitor.submit(await visitor.open(`${page()}/${id}/leave`), {}, 'confirm');
    expect([refused.url, refused.text.includes('the only owner')]).toEqual([`${page()}/${id}/leave`, true]);
    expect(await namesOf(user)).toEqual(['Fernway Studio']);
    const other = await latchkey.user();
    await latchkey.run('organizations.members.create', {
      organization_id: id,
      user_id: other.id,
      roles: ['TENANT_OWNER'],
    });
    await visitor.submit(await visitor.open(`${page()}/${id}/leave`), {}, 'confirm');
    expect(await namesOf(user)).toEqual([]);
  });

  test('of others cannot be told from organizations that do not exist', async () => {
    const { visitor } = await signInTo(latchkey);
    const foreign = await organizationWith(await latchkey.user(), ['TENANT_OWNER']);
    const answers = await Promise.all(
      [foreign, 'org_01h455vb4pex5vsknk084sn02q', 'x'].map(async (id) => {
        const { status, text } = await visitor.open(`${page()}/${id}/leave`);
        return [status, /<h1>[^<]*<\/h1>/.exec(text)?.[0]];
      }),
    );
    expect(answers[0]?.[0]).toBe(404);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
    expect((await send(visitor, `${page()}/${foreign}/leave`)).status).toBe(404);
  });
});

describe('a new organization', () => {
  test('is not offered to a user who may not create one, and refused without the form', async () => {
    const { visitor, user } = await signInTo(latchkey);
    expect((await visitor.open(page())).text).not.toContain('Create an organization');
    const refused = await send(visitor, `${page()}/create`, { name: 'Acme' });
    expect(refused.status).toBe(303);
    expect((await visitor.open(page())).text).toContain('You can’t create more organizations');
    expect(await namesOf(user)).toEqual([]);
  });

  test('belongs to the user who created it', async () => {
    const { visitor, user } = await signInTo(latchkey);
    await latchkey.run('settings.update', { name: 'organizations.creation', value: '"anyone"' });
    const form = await visitor.open(page());
    const nameless = await visitor.submit(form, { name: ' ' }, 'create');
    expect(nameless.text).toContain('Enter a name for the organization');
    const long = await visitor.submit(nameless, { name: 'a'.repeat(101) }, 'create');
    expect([long.text.includes('up to 100 characters'), long.text.includes('a'.repeat(101))]).toEqual([true, true]);
    const created = await visitor.submit(long, { name: 'Acme' }, 'create');
    expect([created.url, created.text.includes('<small>Owner</small>')]).toEqual([`${page()}?done=created`, true]);
    expect(await namesOf(user)).toEqual(['Acme']);
    expect(formsOf(created).map(({ fields }) => Object.keys(fields))).toEqual([['csrf', 'name']]);
    await latchkey.run('settings.update', { name: 'organizations.creation', value: '"off"' });
  });
});
