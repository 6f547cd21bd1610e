/** One invitation, accepted many times at once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signInTo } from '../../support/account.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { type Node, startNode } from '../../support/nodes.ts';
import { freshEmail, newcomer, ownNetworks, strong } from '../../support/registration.ts';
import { formsOf } from '../../support/visitor.ts';

describe.skipIf(!process.env['TEST_DATABASE_URL'])('two hundred acceptances at once on two nodes', () => {
  let mails: Mails;
  let latchkey: TestApp;
  let other: Node;

  beforeAll(async () => {
    mails = await openMails();
    const env = { ...mails.env, ...ownNetworks };
    latchkey = await startTestApp({ env });
    other = await startNode(latchkey, env);
  });
  afterAll(async () => {
    await other?.stop();
    await latchkey?.close();
    mails?.close();
  });

  test('make one membership, and one event', async () => {
    const organization = await latchkey.run<{ id: string }>('organizations.create', { name: 'Fernway Studio' });
    const { visitor, user } = await signInTo(latchkey, await latchkey.user({ email_verified: true }));
    await latchkey.run('organizations.invitations.create', {
      organization_id: organization.id,
      email: user.email,
      roles: ['TENANT_MANAGER'],
    });
    const [form] = formsOf(await visitor.open((await mails.next(user.email, /Fernway/)).link));
    const values = { ...form!.fields, action: 'accept' };
    const headers = {
      cookie: visitor.cookies(form!.action),
      origin: latchkey.base,
      'sec-fetch-site': 'same-origin',
      accept: 'text/html',
    };
    const { pathname } = new URL(form!.action);
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, at) => {
        if (at % 2 === 0) return (await visitor.request(form!.action, { form: values })).status;
        return (await other.send(pathname, { form: values, headers })).status;
      }),
    );
    expect(answers.filter((status) => status !== 303)).toEqual([]);
    const [count] = await latchkey.app.database.sql<Record<string, number>>(
      `select (select count(*)::int from organization_member m join users u on u.id = m.user_id where u.email = $1) as members,
         (select count(*)::int from role_assignment a join users u on u.id = a.user_id where u.email = $1) as roles,
         (select count(*)::int from audit_record e where e.type = 'organization.invitation_accepted') as accepted,
         (select count(*)::int from audit_record e where e.type = 'organization.member_added') as added`,
      [user.email],
    );
    expect(count).toEqual({ members: 1, roles: 1, accepted: 1, added: 1 });
  });

  test('by an address without an account make one account that belongs to the organization', async () => {
    const organization = await latchkey.run<{ id: string }>('organizations.create', { name: 'Fernway Studio' });
    const email = freshEmail();
    await latchkey.run('organizations.invitations.create', { organization_id: organization.id, email });
    await latchkey.run('settings.update', { name: 'limits.accountsPerAddress', value: '1000' });
    const visitor = newcomer();
    const page = await visitor.open((await mails.next(email, /Fernway/)).link);
    const [form] = formsOf(await visitor.submit(page, {}, 'continue'));
    const values = { ...form!.fields, name: 'Ada', password: strong, action: 'continue' };
    const headers = {
      cookie: visitor.cookies(form!.action),
      origin: latchkey.base,
      'sec-fetch-site': 'same-origin',
      accept: 'text/html',
    };
    const { pathname } = new URL(form!.action);
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, at) => {
        if (at % 2 === 0) return (await visitor.request(form!.action, { form: values })).status;
        return (await other.send(pathname, { form: values, headers })).status;
      }),
    );
    // A full queue for hashing is an answer; a fault is none.
    expect(answers.filter((status) => status >= 500 && status !== 503)).toEqual([]);
    const [count] = await latchkey.app.database.sql<Record<string, number>>(
      `select (select count(*)::int from users where email = $1) as people,
         (select count(*)::int from organization_member m join users u on u.id = m.user_id where u.email = $1) as members`,
      [email],
    );
    expect(count).toEqual({ people: 1, members: 1 });
  });
});
