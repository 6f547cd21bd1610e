/** Invitations to organizations: made, sent again, revoked, and accepted by invited people in every situation. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { DAY } from '#kernel/clock.ts';
import { prove, send, signInTo } from '../../support/account.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { permissions } from '#directory/access/module.ts';
import { API, callApi, refusalOf, userTokens } from '../../support/api.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { findUser, freshEmail, newcomer, ownNetworks, strong } from '../../support/registration.ts';
import { formsOf } from '../../support/visitor.ts';

let mails: Mails;
let latchkey: TestApp;
let organization: { id: string; name: string };

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: { ...mails.env, ...ownNetworks } });
  organization = await latchkey.run<typeof organization>('organizations.create', { name: 'Fernway Studio' });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});
afterEach(() => void vi.useRealTimers());

type Invitation = { id: string; email: string; expires_at: string };

async function invite(email = freshEmail(), given: Record<string, unknown> = {}) {
  const invitation = await latchkey.run<Invitation>('organizations.invitations.create', {
    organization_id: organization.id,
    email,
    ...given,
  });
  const { link, subject, text } = await mails.next(email, /Fernway Studio/);
  return { ...invitation, link, subject, text };
}

const isMember = async (email: string): Promise<boolean> => {
  const rows = await latchkey.app.database.sql(
    `select 1 from organization_member m join users u on u.id = m.user_id
     join organization o on o.id = m.organization_id where u.email = $1 and o.name = 'Fernway Studio'`,
    [email],
  );
  return rows.length > 0;
};
const organizationsPage = () => `${latchkey.base}/account/organizations`;

describe('an invited address', () => {
  test('without an account creates one, and belongs to the organization with it', async () => {
    const { email, link, text } = await invite();
    expect(text).toContain('Fernway Studio');
    const visitor = newcomer();
    const page = await visitor.open(link);
    expect([page.status, page.text.includes('Create account and join')]).toEqual([200, true]);
    expect(page.url).not.toContain(link.split('/').at(-1));
    const form = await visitor.submit(page, {}, 'continue');
    expect(form.url).toMatch(/\/create$/);
    const end = await visitor.submit(form, { name: 'Ada', password: strong, email: 'mallory@example.com' });
    expect(end.status).toBeLessThan(400);
    expect(await findUser(latchkey, 'mallory@example.com')).toBeUndefined();
    expect(await findUser(latchkey, email)).toMatchObject({ email_verified: true });
    expect(await isMember(email)).toBe(true);
    expect((await newcomer().open(link)).status).toBe(410);
  });

  test('with an account signs in, and joins by a click', async () => {
    const user = await latchkey.user({ email_verified: true });
    const { link } = await invite(user.email);
    const visitor = newcomer();
    const page = await visitor.open(link);
    expect(page.text).toContain('Sign in with this email address');
    const back = await prove(visitor, await visitor.submit(page, {}, 'continue'), user);
    expect(back.url).toBe(page.url);
    expect(back.text).toContain('Join Fernway Studio');
    expect(await isMember(user.email)).toBe(false);
    const joined = await visitor.submit(back, {}, 'accept');
    expect(joined.url).toBe(`${organizationsPage()}?done=joined`);
    expect(joined.text).toContain('Fernway Studio');
    expect(await isMember(user.email)).toBe(true);
  });

  test('signed in joins at once', async () => {
    const { visitor, user } = await signInTo(latchkey, await latchkey.user({ email_verified: true }));
    const { link } = await invite(user.email);
    await visitor.submit(await visitor.open(link), {}, 'accept');
    expect(await isMember(user.email)).toBe(true);
    expect((await visitor.open(link)).status).toBe(410);
  });

  test('of another account than the one that is signed in is told so, and can switch', async () => {
    const invited = await latchkey.user({ email_verified: true });
    const { visitor, user } = await signInTo(latchkey, await latchkey.user({ email_verified: true }));
    const { link } = await invite(invited.email);
    const page = await visitor.open(link);
    expect(page.text).toContain('for another email address');
    // Whatever the form says: the session counts.
    await visitor.request(page.url, { form: { ...formsOf(page)[0]!.fields, action: 'accept' } });
    expect([await isMember(user.email), await isMember(invited.email)]).toEqual([false, false]);
    const chooser = await visitor.submit(await visitor.open(link), {}, 'continue');
    // A page in between ends the session of the first account; browsers with scripts send it by themselves.
    const forward = await prove(visitor, await visitor.submit(chooser, {}, 'another'), invited);
    await visitor.submit(await visitor.submit(forward), {}, 'accept');
    expect([await isMember(user.email), await isMember(invited.email)]).toEqual([false, true]);
  });

  test('without an account, while another one is signed in, creates its own', async () => {
    const { visitor, user } = await signInTo(latchkey, undefined, { 'x-forwarded-for': '198.51.7.7' });
    const { email, link } = await invite();
    const page = await visitor.open(link);
    expect(page.text).toContain('for another email address');
    const form = await visitor.submit(page, {}, 'continue');
    await visitor.submit(form, { name: 'Bea', password: strong });
    expect([await isMember(user.email), await isMember(email)]).toEqual([false, true]);
  });

  test('that is only claimed by an account does not let it join', async () => {
    const { visitor, user } = await signInTo(latchkey, await latchkey.user({ email_verified: true }));
    await latchkey.app.database.sql('update users set email_verified = false where email = $1', [user.email]);
    const { id, link } = await invite(user.email);
    const page = await visitor.open(link);
    expect(page.text).toContain('it isn’t verified yet');
    expect((await visitor.open(organizationsPage())).text).not.toContain('Fernway Studio');
    await send(visitor, organizationsPage(), { action: 'accept', invitation: id });
    expect(await isMember(user.email)).toBe(false);
  });

  test('can decline, and then the link is over', async () => {
    const { email, link } = await invite();
    const visitor = newcomer();
    const end = await visitor.submit(await visitor.open(link), {}, 'decline');
    expect(end.text).toContain('You declined the invitation');
    expect((await newcomer().open(link)).status).toBe(410);
    expect(await isMember(email)).toBe(false);
  });

  test('can accept and decline on the account page', async () => {
    const { visitor, user } = await signInTo(latchkey, await latchkey.user({ email_verified: true }));
    await invite(user.email);
    const declined = await visitor.submit(await visitor.open(organizationsPage()), {}, 'decline');
    expect(declined.url).toContain('done=declined');
    expect(await isMember(user.email)).toBe(false);
    await invite(user.email);
    const joined = await visitor.submit(await visitor.open(organizationsPage()), {}, 'accept');
    expect(joined.url).toContain('done=joined');
    expect(await isMember(user.email)).toBe(true);
  });

  test('is told that no accounts are made where registration is closed, and an account can join', async () => {
    await latchkey.run('settings.update', { name: 'registration.mode', value: '"closed"' });
    const { link } = await invite();
    expect((await newcomer().open(link)).text).toContain('new accounts can’t be created here');
    const { visitor, user } = await signInTo(latchkey, await latchkey.user({ email_verified: true }));
    await visitor.submit(await visitor.open((await invite(user.email)).link), {}, 'accept');
    expect(await isMember(user.email)).toBe(true);
    await latchkey.run('settings.update', { name: 'registration.mode', value: '"open"' });
  });
});

describe('an invitation', () => {
  test('ends after seven days; sent again it works for another seven, by its new link alone', async () => {
    const { id, email, link } = await invite();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 6 * DAY });
    expect((await newcomer().open(link)).status).toBe(200);
    await latchkey.run('organizations.invitations.resend', { organization_id: organization.id, invitation_id: id });
    const again = await mails.next(email);
    expect((await newcomer().open(link)).status).toBe(410);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 6 * DAY });
    expect((await newcomer().open(again.link)).status).toBe(200);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + DAY + 16_000 });
    expect((await newcomer().open(again.link)).status).toBe(410);
  });

  test('ends when it is revoked, and when a newer one is made', async () => {
    const first = await invite();
    const second = await invite(first.email);
    expect((await newcomer().open(first.link)).status).toBe(410);
    const which = { organization_id: organization.id, invitation_id: second.id };
    await latchkey.run('organizations.invitations.delete', which);
    expect((await newcomer().open(second.link)).status).toBe(410);
    await expect(latchkey.run('organizations.invitations.delete', which)).rejects.toThrow('not_found');
    await expect(latchkey.run('organizations.invitations.resend', which)).rejects.toThrow('not_found');
  });

  test('of one organization does not end the invitation of another organization', async () => {
    const other = await latchkey.run<{ id: string }>('organizations.create', { name: 'Halden' });
    const { id, email, link } = await invite();
    await latchkey.run('organizations.invitations.create', { organization_id: other.id, email });
    expect((await newcomer().open(link)).status).toBe(200);
    const foreign = { organization_id: other.id, invitation_id: id };
    await expect(latchkey.run('organizations.invitations.delete', foreign)).rejects.toThrow('not_found');
    await expect(latchkey.run('organizations.invitations.resend', foreign)).rejects.toThrow('not_found');
  });

  test('does not work while the organization is suspended', async () => {
    const { link } = await invite();
    await latchkey.run('organizations.suspend', { organization_id: organization.id });
    expect((await newcomer().open(link)).status).toBe(410);
    const given = { organization_id: organization.id, email: freshEmail() };
    await expect(latchkey.run('organizations.invitations.create', given)).rejects.toThrow('organizations.inactive');
    await latchkey.run('organizations.resume', { organization_id: organization.id });
    expect((await newcomer().open(link)).status).toBe(200);
  });

  test('is listed while it is open', async () => {
    const { id } = await invite(freshEmail(), { language: 'de' });
    const newest = async (status?: string) => {
      const { invitations } = await latchkey.run<{ invitations: (Invitation & { status: string })[] }>(
        'organizations.invitations.list',
        { organization_id: organization.id, sort: '-created_at', limit: 1, ...(status ? { status } : {}) },
      );
      return invitations.map((each) => [each.id, each.status]);
    };
    expect(await newest()).toEqual([[id, 'open']]);
    const given = { organization_id: organization.id, invitation_id: id };
    await latchkey.run('organizations.invitations.delete', given);
    expect(await newest()).not.toEqual([[id, 'open']]);
    expect(await newest('any')).toEqual([[id, 'revoked']]);
    expect(await latchkey.run('organizations.invitations.read', given)).toMatchObject({ id, status: 'revoked' });
  });

  test.each([
    ['no address', 'not an address', 'invitations.invalid'],
    ['an address with a line of its own', 'a@x.example\r\nbcc: b@x.example', 'invitations.invalid'],
  ])('is refused to %s', async (_what, email, code) => {
    const given = { organization_id: organization.id, email };
    await expect(latchkey.run('organizations.invitations.create', given)).rejects.toThrow(code);
  });

  test('is refused to a member', async () => {
    const user = await latchkey.user({ email_verified: true });
    await latchkey.run('organizations.members.create', { organization_id: organization.id, user_id: user.id });
    const given = { organization_id: organization.id, email: user.email };
    await expect(latchkey.run('organizations.invitations.create', given)).rejects.toThrow('already_member');
  });

  test('accepts nothing from another site', async () => {
    const { visitor, user } = await signInTo(latchkey, await latchkey.user({ email_verified: true }));
    const { link } = await invite(user.email);
    const page = await visitor.open(link);
    const forged = await visitor.request(page.url, {
      form: { action: 'accept' },
      headers: { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    });
    expect([forged.status, await isMember(user.email)]).toEqual([403, false]);
  });
});

describe('the roles of an invitation', () => {
  const rolesOf = async (email: string): Promise<string[]> => {
    const rows = await latchkey.app.database.sql<{ name: string }>(
      `select r.name from role_assignment a join role r on r.id = a.role_id join users u on u.id = a.user_id
       where u.email = $1 and a.organization_id is not null order by r.name`,
      [email],
    );
    return rows.map(({ name }) => name);
  };

  /** An invitation by a member with a role: the actor is what the row says. */
  async function invitedBy(role: string, roles: readonly string[]) {
    const inviter = await latchkey.user({ email_verified: true });
    const member = { organization_id: organization.id, user_id: inviter.id };
    await latchkey.run('organizations.members.create', { ...member, roles: [role] });
    const invited = await latchkey.user({ email_verified: true });
    const invitation = await invite(invited.email, { roles });
    await latchkey.app.database.sql(
      `update organization_invitation set invited_by_type = 'user', invited_by_id = $1 where email = $2 and state = 'open'`,
      [inviter.id, invited.email],
    );
    return { ...invitation, invited, demote: () => latchkey.run('organizations.members.delete', member) };
  }

  test('become the roles of the new member, who sees them', async () => {
    const { visitor, user } = await signInTo(latchkey, await latchkey.user({ email_verified: true }));
    const { link } = await invite(user.email, { roles: ['TENANT_MANAGER', 'TENANT_MANAGER'] });
    const joined = await visitor.submit(await visitor.open(link), {}, 'accept');
    expect(joined.text).toContain('<small>Manager</small>');
    expect(await rolesOf(user.email)).toEqual(['TENANT_MANAGER']);
  });

  test('must exist', async () => {
    const given = { organization_id: organization.id, email: freshEmail(), roles: ['NO_SUCH_ROLE'] };
    await expect(latchkey.run('organizations.invitations.create', given)).rejects.toThrow('roles.not_found');
  });

  test('are given as long as the inviter may give them', async () => {
    const { link, invited, demote } = await invitedBy('TENANT_OWNER', ['TENANT_ADMIN']);
    const { visitor } = await signInTo(latchkey, invited);
    const page = await visitor.open(link);
    expect(page.status).toBe(200);
    const other = await latchkey.user();
    const owner = { organization_id: organization.id, user_id: other.id, roles: ['TENANT_OWNER'] };
    await latchkey.run('organizations.members.create', owner);
    await demote();
    const end = await visitor.submit(page, {}, 'accept');
    expect([end.status, end.text.includes('no longer works')]).toEqual([410, true]);
    expect((await visitor.open(organizationsPage())).text).not.toContain('Fernway Studio');
    expect([await isMember(invited.email), await rolesOf(invited.email)]).toEqual([false, []]);
  });

  test('are not given by an inviter who does not hold them', async () => {
    const { link, invited } = await invitedBy('TENANT_ADMIN', ['TENANT_OWNER']);
    const { visitor } = await signInTo(latchkey, invited);
    expect((await visitor.open(link)).status).toBe(410);
  });

  test('are not given by a member without the right to invite', async () => {
    const { link, invited } = await invitedBy('TENANT_USER', []);
    const { visitor } = await signInTo(latchkey, invited);
    expect((await visitor.open(link)).status).toBe(410);
  });

  test('are given by an administrator with a token, until the administrator is demoted', async () => {
    const administrator = await latchkey.user();
    const there = { organization_id: organization.id };
    const member = { ...there, user_id: administrator.id, roles: ['TENANT_ADMIN'] };
    await latchkey.run('organizations.members.create', member);
    const client = await latchkey.client({ first_party: true, apis: { [API]: ['*'] } });
    const scope = `openid ${Object.keys(permissions).join(' ')}`;
    const { access_token: token } = await userTokens(latchkey, client, administrator, scope);
    const invited = await latchkey.user({ email_verified: true });
    const path = `/v1/organizations/${organization.id}/invitations`;
    const asked = (roles: string[]) => ({ method: 'POST', token, json: { email: invited.email, roles } });
    expect(refusalOf(await callApi(latchkey, path, asked(['TENANT_OWNER'])))).toEqual([
      403,
      'access.permissions_not_held',
    ]);
    expect((await callApi(latchkey, path, asked(['TENANT_ADMIN']))).status).toBe(201);
    const { visitor } = await signInTo(latchkey, invited);
    const page = await visitor.open((await mails.next(invited.email, /Fernway/)).link);
    expect(page.status).toBe(200);
    const { assignments } = await latchkey.run<{ assignments: { id: string }[] }>('organizations.assignments.list', {
      ...there,
      user_id: administrator.id,
    });
    await latchkey.run('organizations.assignments.create', {
      ...there,
      user_id: administrator.id,
      role: 'TENANT_MANAGER',
    });
    await latchkey.run('organizations.assignments.delete', { ...there, assignment_id: assignments[0]!.id });
    expect((await visitor.submit(page, {}, 'accept')).status).toBe(410);
    expect([await isMember(invited.email), await rolesOf(invited.email)]).toEqual([false, []]);
  });

  test('are vouched for by the actor who sent it last', async () => {
    const { id, email, demote, link } = await invitedBy('TENANT_ADMIN', []);
    await demote();
    expect((await newcomer().open(link)).status).toBe(410);
    await latchkey.run('organizations.invitations.resend', { organization_id: organization.id, invitation_id: id });
    expect((await newcomer().open((await mails.next(email)).link)).status).toBe(200);
  });
});
