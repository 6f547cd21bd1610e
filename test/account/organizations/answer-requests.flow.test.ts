/** `/account/organizations/:id/requests`: those who manage the members of an organization hear of requests to join, and answer them. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signInTo } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { openDns, type TestDns } from '../../support/dns.ts';
import { type Mails, openMails } from '../../support/mails.ts';

let dns: TestDns;
let mails: Mails;
let latchkey: TestApp;
beforeAll(async () => {
  [dns, mails] = await Promise.all([openDns(), openMails()]);
  latchkey = await startTestApp({ env: { ...mails.env, DNS_SERVERS: dns.address } });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
  await dns.close();
});

type Orchard = { id: string; name: string; domain: string };

/** An organization with a domain whose users ask to join. */
async function organization(): Promise<Orchard> {
  const unique = randomBytes(5).toString('hex');
  const [domain, name] = [`d${unique}.com`, `Orchard ${unique}`];
  const { id } = await latchkey.run<{ id: string }>('organizations.create', { name });
  const added = await latchkey.run<{ id: string; record: { name: string; value: string } }>(
    'organizations.domains.create',
    { organization_id: id, domain, joining: 'ask' },
  );
  dns.records.set(added.record.name, [added.record.value]);
  await latchkey.run('organizations.domains.confirm', { organization_id: id, domain_id: added.id });
  return { id, name, domain };
}

async function member({ id }: Orchard, roles: readonly string[], given: object = {}): Promise<TestUser> {
  const user = await latchkey.user({ email_verified: true, ...given });
  await latchkey.run('organizations.members.create', { organization_id: id, user_id: user.id, roles });
  return user;
}

/** A user who asks on the account page. */
async function asking({ domain }: Orchard, given: object = {}): Promise<TestUser> {
  const email = `p${randomBytes(5).toString('hex')}@${domain}`;
  const { visitor, user } = await signInTo(latchkey, await latchkey.user({ email, email_verified: true, ...given }));
  await visitor.submit(await visitor.open(`${latchkey.base}/account/organizations`), {}, 'ask');
  return user;
}

const mailed = async (orchard: Orchard): Promise<string[]> =>
  (await mails.all()).filter(({ subject }) => subject.includes(orchard.name)).map(({ to }) => to);
const memberIds = async ({ id }: Orchard): Promise<string[]> => {
  const answer = await latchkey.run<{ members: { user_id: string }[] }>('organizations.members.list', {
    organization_id: id,
  });
  return answer.members.map(({ user_id: userId }) => userId);
};

describe('a request to join', () => {
  test('is told to members who manage members, by an own role, an inherited one or one of a group, and to no others', async () => {
    const orchard = await organization();
    const of = { organization_id: orchard.id };
    const manager = await member(orchard, ['TENANT_MANAGER'], { locale: 'de' });
    const heir = await member(orchard, []);
    const grouped = await member(orchard, []);
    const others = [await member(orchard, ['TENANT_USER']), await member(await organization(), ['TENANT_OWNER'])];
    await latchkey.run('organizations.roles.create', { ...of, name: 'HOUSEKEEPER', inherits: ['TENANT_MANAGER'] });
    await latchkey.run('organizations.assignments.create', { ...of, user_id: heir.id, role: 'HOUSEKEEPER' });
    const team = await latchkey.run<{ id: string }>('organizations.groups.create', { ...of, name: 'Team' });
    const crew = { ...of, name: 'Crew', parents: [team.id] };
    const { id: group_id } = await latchkey.run<{ id: string }>('organizations.groups.create', crew);
    await latchkey.run('organizations.groups.members.create', { ...of, group_id, user_id: grouped.id });
    await latchkey.run('organizations.assignments.create', { ...of, group_id: team.id, role: 'TENANT_MANAGER' });

    const user = await asking(orchard, { name: 'Ada Byron' });
    const mail = await mails.next(manager.email, /Ada Byron möchte Orchard/);
    expect(mail.text).toContain(user.email);
    expect(mail.link).toBe(`${latchkey.base}/account/organizations/${orchard.id}/requests`);
    for (const { email } of [heir, grouped]) await mails.next(email, /Ada Byron wants to join/);
    expect((await mailed(orchard)).filter((to) => others.some(({ email }) => email === to))).toEqual([]);
  });

  test('is approved from the mail, once, and the user hears of it', async () => {
    const orchard = await organization();
    const manager = await member(orchard, ['TENANT_MANAGER']);
    const user = await asking(orchard, { locale: 'fr' });
    const { link } = await mails.next(manager.email, /wants to join/);
    const { visitor } = await signInTo(latchkey, manager);
    expect((await visitor.open(`${latchkey.base}/account/organizations`)).text).toContain('Requests to join: 1');
    const page = await visitor.open(link);
    expect(page.text).toContain(user.email);
    const done = await visitor.submit(page, {}, 'approve');
    expect(done.text).toContain('The person is now a member.');
    expect(await memberIds(orchard)).toContain(user.id);
    expect((await mails.next(user.email, /Vous êtes maintenant membre/)).link).toBe(
      `${latchkey.base}/account/organizations`,
    );
    expect((await visitor.submit(page, {}, 'approve')).text).toContain('This request has already been answered.');
  });

  test('is declined, and the user reads from when on another one is possible', async () => {
    const orchard = await organization();
    const manager = await member(orchard, ['TENANT_MANAGER']);
    const user = await asking(orchard);
    const { visitor } = await signInTo(latchkey, manager);
    const page = await visitor.open(`${latchkey.base}/account/organizations/${orchard.id}/requests`);
    expect((await visitor.submit(page, {}, 'refuse')).text).toContain('You declined the request.');
    expect(await memberIds(orchard)).toEqual([manager.id]);
    expect((await mails.next(user.email, /was declined/)).text).toMatch(/request to join again from \d+ \w+ \d{4}/);
  });

  test('cannot be approved while the organization is suspended', async () => {
    const orchard = await organization();
    const { visitor } = await signInTo(latchkey, await member(orchard, ['TENANT_MANAGER']));
    const user = await asking(orchard);
    const page = await visitor.open(`${latchkey.base}/account/organizations/${orchard.id}/requests`);
    await latchkey.run('organizations.suspend', { organization_id: orchard.id });
    const refused = await visitor.submit(page, {}, 'approve');
    expect([refused.status, (await memberIds(orchard)).includes(user.id)]).toEqual([404, false]);
  });

  test.each<[string, (orchard: Orchard) => Promise<TestUser>]>([
    ['a member without the right', (orchard) => member(orchard, ['TENANT_USER'])],
    ['a manager of another organization', async () => member(await organization(), ['TENANT_OWNER'])],
    ['the user who asked', (orchard) => asking(orchard)],
  ])('is neither shown to %s nor answered by one', async (_who, reader) => {
    const orchard = await organization();
    const user = await asking(orchard);
    const { visitor } = await signInTo(latchkey, await reader(orchard));
    const url = `${latchkey.base}/account/organizations/${orchard.id}/requests`;
    expect((await visitor.open(url)).status).toBe(404);
    const own = await visitor.open(`${latchkey.base}/account/profile`);
    const csrf = /name="csrf" value="([^"]+)"/.exec(own.text)?.[1] ?? '';
    const answer = await visitor.request(url, { form: { csrf, user: user.id, action: 'approve' } });
    expect([answer.status, (await memberIds(orchard)).includes(user.id)]).toEqual([404, false]);
  });
});
