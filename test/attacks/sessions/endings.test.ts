/** Each act of the table ends what its row says, and nothing else: a performer for each act, a column for each kind of thing. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { byUser } from '#audit/module.ts';
import { toUuid } from '#kernel/ids.ts';
import { type Ending, endings, engineEndings } from '#oidc/module.ts';
import { send } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { Authenticator } from '../../support/authenticator.ts';
import { type Holder, holdings, leftAfter } from '../../support/holdings.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { keyOn, codeOf } from '../../support/mfa.ts';
import { passkeyVisits } from '../../support/passkey-visits.ts';
import { formsOf, post, type TokenAnswer, Visitor } from '../../support/visitor.ts';

let mails: Mails;
let latchkey: TestApp;
let clients: Record<'house' | 'stranger' | 'ofSession', TestClient>;

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env });
  const logout = { post_logout_redirect_uris: ['http://127.0.0.1:9/out'] };
  clients = {
    house: await latchkey.client({ first_party: true, ...logout }),
    stranger: await latchkey.client(),
    ofSession: await latchkey.client({ first_party: true }),
  };
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const at = (path: string) => `${latchkey.base}${path}`;
const newPassword = 'several entirely new words 77';
const device = { ip: '192.0.2.7', userAgent: 'Firefox', requestId: 'req' };
/** Later than all that is open: times are kept in milliseconds. */
const soon = () => new Date(Date.now() + 5).toISOString();

type Act = (holder: Holder) => Promise<unknown>;
type ActName = keyof typeof endings | keyof typeof engineEndings;

async function submitted(visitor: Visitor, path: string, form: Record<string, string> = {}): Promise<void> {
  expect((await send(visitor, at(path), form)).status).toBe(303);
}

async function tokenOnPage(visitor: Visitor, url: string): Promise<string> {
  return formsOf(await visitor.open(url))[0]?.fields['csrf'] ?? '';
}

const kit = (forLonger: TestClient) => holdings(latchkey, { forLonger, ofSession: clients.ofSession });

/** The session of the other browser. */
async function otherSessionOf({ id }: { id: string }): Promise<string> {
  const { sessions } = await latchkey.run<{ sessions: { id: string; client_ids: string[] }[] }>('users.sessions.list', {
    user_id: id,
  });
  const others = sessions.filter(({ client_ids: ids }) => ids.includes(clients.house.client_id));
  expect(others).toHaveLength(1);
  return others[0]!.id;
}

const refreshed = (token: string): Promise<TokenAnswer> =>
  post(at('/oidc/token'), clients.house, { grant_type: 'refresh_token', refresh_token: token });

/** By the password and the app, as far as what the sign-in asks for then. */
async function signInAgain({ user }: Holder, visitor: Visitor) {
  const { steps } = kit(clients.house);
  const { page } = await steps.afterPassword(user, visitor);
  return visitor.submit(page, { code: await steps.codeAgain(user) });
}

const acts: Record<ActName, Act> = {
  async 'user disabled'({ user: { id } }) {
    await latchkey.run('users.disable', { user_id: id });
    // Enabled again, so that not the status refuses what is asked for then.
    await latchkey.run('users.enable', { user_id: id });
  },
  'account closed': ({ user, owner }) => submitted(owner, '/account/close', { email: user.email }),
  async 'account erased'({ user: { id } }) {
    await latchkey.app.database.sql('update users set deletes_at = now() where id = $1', [toUuid(id as never)]);
    expect(await latchkey.app.closing.purge(10)).toBe(1);
  },
  'password changed on the account page': ({ user, owner }) =>
    submitted(owner, '/account/password', { current: user.password, password: newPassword }),
  async 'password reset by mail'({ user }) {
    const browser = new Visitor();
    await browser.submit(await browser.open(at('/recovery')), { email: user.email });
    const { link } = await mails.next(user.email, /password/i);
    const page = await browser.submit(await browser.open(link), { password: newPassword });
    expect(page.url).toBe(at('/recovery/done'));
  },
  'temporary password set by an operator': ({ user: { id } }) =>
    latchkey.run('users.password.set_temporary', { user_id: id }),
  async 'password set in a sign-in'(holder) {
    await latchkey.run('users.require_password', { user_id: holder.user.id });
    const page = await signInAgain(holder, holder.owner);
    expect(new URL(page.url).pathname).toMatch(/\/new-password$/);
    expect((await holder.owner.submit(page, { password: newPassword })).location).toContain('code=');
  },
  'account locked on the account page': ({ owner }) => submitted(owner, '/account/activity/not-me'),
  async 'account locked by the link in a mail'({ user }) {
    const link = await kit(clients.house).issue(user, 'end_sign_in', { at: soon() });
    const browser = new Visitor();
    const page = await browser.open(at(`/not-me?token=${link}`));
    expect((await browser.submit(page, {}, 'confirm')).url).toBe(at('/not-me/done'));
  },
  'second factors removed by an operator': ({ user: { id } }) =>
    latchkey.run('users.reset_mfa', { user_id: id, reason: 'lost phone' }),
  async 'passkey or authenticator app added'({ user, owner }) {
    const page = await owner.open(at('/account/authenticator'));
    user.key = keyOn(page);
    await submitted(owner, '/account/authenticator', { code: codeOf(user.key) });
  },
  'passkey or authenticator app removed': ({ owner }) => submitted(owner, '/account/authenticator/remove'),
  async 'linked account removed'({ user: { id }, owner }) {
    await latchkey.app.database.sql(
      `insert into user_identity (connection, issuer, subject, user_id, created_at) values ('google', '', $1, $2, now())`,
      [id, toUuid(id as never)],
    );
    const page = await owner.submit(await owner.open(at('/account/linked-accounts')), {}, 'remove');
    expect(page.url).toContain('done=removed');
  },
  async 'passkey stopped as a possible copy'({ user, trust }) {
    const { passkeyRegistration: registration, passkeys } = latchkey.app.credentials;
    const authenticator = new Authenticator();
    const enrolment = { userId: user.id as never, binding: 'test', isOnlyFactor: false };
    const options = await registration.options({ id: user.id, email: user.email, profile: {} } as never, enrolment);
    const credential = authenticator.create(options as never, latchkey.base);
    expect(await registration.register(enrolment, credential, byUser(enrolment.userId, device))).toMatchObject({
      kind: 'registered',
    });
    // Adding it has ended the trust that was there.
    await trust();
    const visits = passkeyVisits(latchkey, clients.ofSession);
    for (const signCount of [10, 9]) {
      const visitor = new Visitor();
      await visits.answer(visitor, await visits.atPasskey(visitor), authenticator, { signCount });
    }
    expect(await passkeys.list(user.id as never)).toMatchObject([{ state: 'stopped' }]);
  },
  async 'primary email address changed'({ owner }) {
    const to = `new${performance.now()}@example.com`;
    const page = await owner.submit(await owner.open(at('/account/emails/change')), { email: to });
    const csrf = await tokenOnPage(owner, page.url);
    expect((await owner.request(page.url, { form: { csrf, code: (await mails.next(to)).code } })).status).toBe(303);
  },
  async 'primary email address taken back'({ user }) {
    const link = await kit(clients.house).issue(user, 'revert_email', { at: soon() });
    const browser = new Visitor();
    const page = await browser.open(at(`/verification/revert?token=${link}`));
    expect((await browser.submit(page, {}, 'confirm')).url).toBe(at('/verification/reverted'));
  },
  async 'primary email address proved for the first time'(holder) {
    const { id, email } = holder.user;
    await latchkey.app.database.sql('update users set email_verified = false, email_proof_due = true where id = $1', [
      toUuid(id as never),
    ]);
    const visitor = new Visitor();
    const page = await signInAgain(holder, visitor);
    expect(page.url).toMatch(/\/verify-email$/);
    const { code } = await mails.next(email, /code|confirm/i);
    expect((await visitor.submit(page, { code })).location).toContain('code=');
  },
  async 'session ended'({ user, owner }) {
    await submitted(owner, '/account/devices', { action: 'logout', device: await otherSessionOf(user) });
  },
  async 'signed out at the identity provider'({ user }) {
    const upstreamSession = `${user.id} at the provider`;
    await latchkey.app.database.sql(
      `insert into upstream_session (sign_in_hash, session_id, user_id, connection, issuer, subject, name, checked_at)
       values ($1, $2, $3, 'acme', 'https://acme.example', 'someone', $4, now())`,
      [Buffer.from(user.id), await otherSessionOf(user), toUuid(user.id as never), upstreamSession],
    );
    const query = new URLSearchParams({ iss: 'https://acme.example', sid: upstreamSession });
    expect((await fetch(at(`/federation/acme/frontchannel-logout?${query.toString()}`))).status).toBe(200);
  },
  'signed out everywhere else': ({ owner }) => submitted(owner, '/account/devices', { action: 'others' }),
  'signed out everywhere': ({ user }) => latchkey.run('users.sessions.end_all', { user_id: user.id }),
  'consent withdrawn': ({ user }) =>
    latchkey.run('users.consents.delete', { user_id: user.id, client_id: clients.stranger.client_id }),
  'application without consent disconnected': ({ owner }) =>
    submitted(owner, '/account/apps', { app: clients.house.client_id }),
  async 'signed out in one browser'({ other }) {
    await other.submit(await other.open(at('/oidc/logout')), {}, 'logout');
  },
  async 'used code or refresh token used again'({ offline }) {
    const successor = await refreshed(offline.refresh_token);
    expect((await refreshed(successor.body.refresh_token)).status).toBe(200);
    expect((await refreshed(offline.refresh_token)).status).toBe(400);
  },
  async 'refresh token revoked by its client'({ offline }) {
    await post(at('/oidc/revoke'), clients.house, { token: offline.refresh_token });
  },
};

async function expectEnding(ending: Ending, act: Act, forLonger: TestClient): Promise<void> {
  const { look, ...holder } = await kit(forLonger).hold();
  await act(holder);
  expect(await look()).toEqual(leftAfter(ending));
}

test('everything is valid before the acts', () => expectEnding({}, async () => undefined, clients.house));

test.each(Object.entries({ ...endings, ...engineEndings }) as [ActName, Ending][])('%s', async (name, ending) =>
  expectEnding(ending, acts[name], name === 'consent withdrawn' ? clients.stranger : clients.house),
);
