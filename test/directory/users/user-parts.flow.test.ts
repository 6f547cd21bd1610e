/** The parts of a user at the management API: addresses, numbers, credentials, trusted browsers, linked accounts, sessions, consents. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isOwn } from '#directory/access/module.ts';
import { newId } from '#kernel/ids.ts';
import { mounted } from '../../../src/app/api.ts';
import { operations } from '../../../src/app/operations.ts';
import { routeOf } from '../../../src/api/operation-route.ts';
import { callApi, clientTokens, machineWith, refusalOf } from '../../support/api.ts';
import { password, startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import {
  keepIdentity,
  keepPasskey,
  keepRecoveryCodes,
  keepTotp,
  keepTrustedBrowser,
} from '../../support/user-parts.ts';
import { authorizeUrl, tokensFor, Visitor } from '../../support/visitor.ts';

let mails: Mails;
let latchkey: TestApp;
let token: string;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({
    env: mails.env,
    settings: { 'limits.apiCallsPerMinute': 100_000, 'users.username': 'optional' },
  });
  const robot = await machineWith(latchkey, '*');
  const scope = 'users.read users.manage sessions.read sessions.manage consents.read consents.manage';
  token = (await clientTokens(latchkey, robot, { scope })).access_token;
});
afterAll(async () => {
  await latchkey?.close();
  mails?.close();
});

type Contact = { id: string; primary: boolean; verified: boolean };
const call = ({ id }: Pick<TestUser, 'id'>, path: string, method = 'GET', json?: object) =>
  callApi(latchkey, `/v1/users/${id}${path}`, { method, token, ...(json === undefined ? {} : { json }) });
let made = 0;
const fresh = () => `part${(made += 1)}@parts.example`;
const owner = () => latchkey.user({ email_verified: true });
const shown = async (user: Pick<TestUser, 'id'>, noun = 'emails') => {
  const { body } = await call(user, `/${noun.replace('_', '-')}`);
  return body[noun] as (Contact & Record<string, unknown>)[];
};
const eventsOf = async ({ id }: Pick<TestUser, 'id'>) => {
  const rows = await latchkey.app.database.sql<{ type: string }>(
    `select type from audit_record where subject_id = $1 and type <> 'user.created' order by at, id`,
    [id],
  );
  return rows.map(({ type }) => type);
};

describe('email addresses', () => {
  test('are listed with the primary one in front, and read by their ids', async () => {
    const user = await owner();
    const email = fresh();
    const added = await call(user, '/emails', 'POST', { email });
    expect([added.status, added.body]).toMatchObject([201, { email, primary: false, verified: false }]);
    expect(await shown(user)).toEqual([
      { id: 'primary', email: user.email, primary: true, verified: true },
      { ...added.body },
    ]);
    expect((await call(user, `/emails/${String(added.body['id'])}`)).body).toEqual(added.body);
    expect((await call(user, '/emails/primary')).body).toMatchObject({ email: user.email });
    expect(await eventsOf(user)).toEqual(['user.email_entered']);
    const first = (await call(user, '/emails?limit=1&include_total=true')).body;
    expect(first).toMatchObject({ total: 2, emails: [{ id: 'primary' }] });
    const next = await call(user, `/emails?limit=1&cursor=${String(first['next_cursor'])}`);
    expect(next.body).toMatchObject({ emails: [{ email }], next_cursor: null });
  });

  test('are added as verified, and sign in at once; the owner is told', async () => {
    const user = await owner();
    const email = fresh();
    expect((await call(user, '/emails', 'POST', { email, verified: true })).body).toMatchObject({ verified: true });
    await mails.next(user.email, /added/i);
    const client = await latchkey.client({ first_party: true });
    expect(await tokensFor(latchkey.base, client, { email, password }, {}, new Visitor())).toHaveProperty(
      'access_token',
    );
    expect(await eventsOf(user)).toContain('user.email_added');
  });

  test('become verified and primary; the one before stays, and its owner can take that back', async () => {
    const user = await owner();
    const email = fresh();
    const { id } = (await call(user, '/emails', 'POST', { email })).body;
    const answer = await call(user, `/emails/${String(id)}`, 'PATCH', { verified: true, primary: true });
    expect([answer.status, answer.body]).toEqual([200, { id: 'primary', email, primary: true, verified: true }]);
    expect(await shown(user)).toMatchObject([
      { id: 'primary', email },
      { email: user.email, verified: true },
    ]);
    const letter = await mails.next(user.email, /changed/i);
    expect(letter.text).toContain(email);
    const page = await new Visitor().open(letter.link);
    expect(page.url).toMatch(/\/verification\/revert\//);
    expect(page.text).toContain(user.email);
    expect(await eventsOf(user)).toEqual(expect.arrayContaining(['user.email_added', 'user.email_changed']));
  });

  test('an unverified primary one becomes verified', async () => {
    const user = await latchkey.user();
    const answer = await call(user, '/emails/primary', 'PATCH', { verified: true });
    expect(answer.body).toEqual({ id: 'primary', email: user.email, primary: true, verified: true });
    expect(await eventsOf(user)).toEqual(['user.email_verified']);
    // The same again changes nothing.
    expect((await call(user, '/emails/primary', 'PATCH', { verified: true, primary: true })).status).toBe(200);
    expect(await eventsOf(user)).toEqual(['user.email_verified']);
  });

  test('the first verified one of a user without one is primary', async () => {
    const user = await latchkey.run<{ id: string }>('users.create', { username: `nomail${(made += 1)}`, password });
    const added = await call(user, '/emails', 'POST', { email: fresh(), verified: true, primary: true });
    expect(added.body).toMatchObject({ id: 'primary', verified: true });
    expect(await eventsOf(user)).toEqual(['user.email_added']);
  });

  test('are removed; the owner is told of a verified one', async () => {
    const user = await owner();
    const { id } = (await call(user, '/emails', 'POST', { email: fresh(), verified: true })).body;
    const removed = await call(user, `/emails/${String(id)}`, 'DELETE');
    expect([removed.status, removed.body]).toEqual([200, { id, removed: true }]);
    await mails.next(user.email, /removed/i);
    expect(refusalOf(await call(user, `/emails/${String(id)}`))).toEqual([404, 'contacts.email_not_found']);
  });

  test('receive a link that the signed-in user opens', async () => {
    const user = await owner();
    const email = fresh();
    const { id } = (await call(user, '/emails', 'POST', { email })).body;
    expect((await call(user, `/emails/${String(id)}/send-verification`, 'POST')).status).toBe(200);
    const { text } = await mails.next(email);
    const link = /https?:\/\/\S+\/account\/emails\/confirm\/address\?token=\S+/.exec(text)?.[0] ?? '';
    const client = await latchkey.client({ first_party: true });
    const visitor = new Visitor();
    await visitor.signIn(authorizeUrl(latchkey.base, client, { code_challenge: 'c'.repeat(43) }), user);
    const page = await visitor.follow(await visitor.open(link));
    await visitor.submit(page, {}, 'confirm');
    expect(await shown(user)).toMatchObject([{}, { email, verified: true }]);
    expect(await eventsOf(user)).toContain('user.email_proof_sent');
  });

  test('of another user receive a notice in place of the link', async () => {
    const [user, holder] = [await owner(), await owner()];
    const { id } = (await call(user, '/emails', 'POST', { email: holder.email })).body;
    expect((await call(user, `/emails/${String(id)}/send-verification`, 'POST')).status).toBe(200);
    expect((await mails.next(holder.email)).text).not.toContain('token=');
  });

  test('receive only so many mails', async () => {
    const user = await latchkey.user();
    const answers: unknown[] = [];
    for (let sent = 0; sent < 30; sent += 1)
      answers.push((await call(user, '/emails/primary/send-verification', 'POST')).body['code']);
    expect(answers[0]).toBeUndefined();
    expect(answers.at(-1)).toBe('contacts.too_many_mails');
  });

  test.each<[string, (user: TestUser, other: TestUser) => object, [number, string]]>([
    ['one that is none', () => ({ email: 'ada' }), [422, 'users.email_invalid']],
    ['a verified one of another user', (_, { email }) => ({ email, verified: true }), [409, 'users.email_taken']],
    ['one that the user has', ({ email }) => ({ email, verified: true }), [409, 'contacts.exists']],
    ['an unverified primary one', () => ({ email: fresh(), primary: true }), [409, 'contacts.not_verified']],
    ['a member that is the server’s', () => ({ email: fresh(), created_at: '2020' }), [422, 'input.invalid']],
  ])('refuses %s, and adds nothing', async (_what, json, refusal) => {
    const [user, other] = [await owner(), await owner()];
    expect(refusalOf(await call(user, '/emails', 'POST', json(user, other)))).toEqual(refusal);
    expect(await shown(user)).toHaveLength(1);
  });

  test('are ten at most', async () => {
    const user = await owner();
    for (let more = 0; more < 9; more += 1) await call(user, '/emails', 'POST', { email: fresh() });
    expect(refusalOf(await call(user, '/emails', 'POST', { email: fresh() }))).toEqual([409, 'contacts.too_many']);
  });

  test('refuse what would leave the user without a primary one, or with an unverified one', async () => {
    const user = await owner();
    const email = (await owner()).email;
    const { id } = (await call(user, '/emails', 'POST', { email })).body;
    const at = `/emails/${String(id)}`;
    expect(refusalOf(await call(user, '/emails/primary', 'DELETE'))).toEqual([409, 'contacts.primary_email']);
    expect(refusalOf(await call(user, at, 'PATCH', { primary: true }))).toEqual([409, 'contacts.not_verified']);
    expect(refusalOf(await call(user, at, 'PATCH', { verified: false }))).toEqual([422, 'input.invalid']);
    expect(refusalOf(await call(user, at, 'PATCH', { verified: true }))).toEqual([409, 'users.email_taken']);
    const sent = await call(user, '/emails/primary/send-verification', 'POST');
    expect(refusalOf(sent)).toEqual([409, 'contacts.verified']);
    expect(await shown(user)).toMatchObject([{ id: 'primary' }, { id, verified: false }]);
  });
});

describe('phone numbers', () => {
  const add = (user: TestUser, phone_number: string, said: object = {}) =>
    call(user, '/phone-numbers', 'POST', { phone_number, ...said });

  test('are added, verified, made primary and removed', async () => {
    const user = await owner();
    const first = await add(user, '+12025550123', { verified: true });
    expect(first.body).toEqual({ id: 'primary', phone_number: '+12025550123', primary: true, verified: true });
    await mails.next(user.email, /phone/i);
    const { id } = (await add(user, '+12025550199')).body;
    const at = `/phone-numbers/${String(id)}`;
    expect(refusalOf(await call(user, at, 'PATCH', { primary: true }))).toEqual([409, 'contacts.not_verified']);
    const changed = await call(user, at, 'PATCH', { verified: true, primary: true });
    expect(changed.body).toMatchObject({ id: 'primary', phone_number: '+12025550199' });
    const refused = await call(user, '/phone-numbers/primary', 'DELETE');
    expect(refusalOf(refused)).toEqual([409, 'contacts.primary_phone_number']);
    const [, other] = await shown(user, 'phone_numbers');
    for (const key of [other!.id, 'primary']) {
      const removed = await call(user, `/phone-numbers/${key}`, 'DELETE');
      expect([removed.status, removed.body]).toEqual([200, { id: key, removed: true }]);
    }
    expect(await shown(user, 'phone_numbers')).toEqual([]);
    const missing = await call(user, '/phone-numbers/primary', 'DELETE');
    expect(refusalOf(missing)).toEqual([404, 'contacts.phone_number_not_found']);
    expect(await eventsOf(user)).toEqual(
      expect.arrayContaining(['user.phone_entered', 'user.phone_added', 'user.phone_changed', 'user.phone_removed']),
    );
  });

  test('refuse what is none, what the user has, and too many', async () => {
    const user = await owner();
    await add(user, '+12025550123', { verified: true });
    expect(refusalOf(await add(user, '030 901820'))).toEqual([422, 'input.invalid']);
    expect(refusalOf(await add(user, '+12025550123'))).toEqual([409, 'contacts.exists']);
    expect(refusalOf(await add(user, '+12025550124', { primary: true }))).toEqual([409, 'contacts.not_verified']);
    for (let more = 0; more < 9; more += 1) await add(user, `+1202555013${more}`);
    expect(refusalOf(await add(user, '+12025550140'))).toEqual([409, 'contacts.too_many']);
  });
});

describe('credentials', () => {
  test('a passkey is read, renamed and removed; the owner is told', async () => {
    const user = await owner();
    const id = await keepPasskey(latchkey, user);
    const at = `/passkeys/${id}`;
    expect((await call(user, '/passkeys')).body).toMatchObject({ passkeys: [{ id, name: null, verifies_user: true }] });
    expect((await call(user, at, 'PATCH', { name: ' Blue key ' })).body).toMatchObject({ id, name: 'Blue key' });
    expect((await call(user, at, 'PATCH', { name: null })).body).toMatchObject({ name: null });
    const trusted = await keepTrustedBrowser(latchkey, user);
    expect((await call(user, at, 'DELETE')).body).toEqual({ id, removed: true });
    await mails.next(user.email, /passkey/i);
    expect((await call(user, `/trusted-browsers/${trusted}`)).status).toBe(404);
    for (const method of ['GET', 'DELETE'])
      expect(refusalOf(await call(user, at, method))).toEqual([404, 'credentials.passkey_not_found']);
    const renamed = await call(user, at, 'PATCH', { name: 'x' });
    expect(refusalOf(renamed)).toEqual([404, 'credentials.passkey_not_found']);
    expect(await eventsOf(user)).toEqual(expect.arrayContaining(['user.passkey_renamed', 'user.passkey_removed']));
  });

  test('an authenticator app is read and removed; the owner is told', async () => {
    const user = await owner();
    await keepTotp(latchkey, user, 'Work phone');
    const { body } = await call(user, '/totp');
    expect(body).toMatchObject({ name: 'Work phone', digits: 6, last_used_at: null });
    expect(JSON.stringify(body)).not.toContain('JBSWY3DP');
    expect((await call(user, '/totp', 'DELETE')).body).toEqual({ user_id: user.id, removed: true });
    await mails.next(user.email, /authenticator/i);
    for (const method of ['GET', 'DELETE'])
      expect(refusalOf(await call(user, '/totp', method))).toEqual([404, 'credentials.totp_not_found']);
  });

  test('recovery codes are counted and removed, never shown; the owner is told', async () => {
    const user = await owner();
    await keepRecoveryCodes(latchkey, user);
    const { body } = await call(user, '/recovery-codes');
    expect(body).toEqual({ left: 10, created_at: expect.stringMatching(/Z$/) as string });
    expect((await call(user, '/recovery-codes', 'DELETE')).body).toEqual({ user_id: user.id, removed: true });
    await mails.next(user.email, /recovery codes .* removed/i);
    expect(await eventsOf(user)).toContain('user.recovery_codes_removed');
    for (const method of ['GET', 'DELETE'])
      expect(refusalOf(await call(user, '/recovery-codes', method))).toEqual([
        404,
        'credentials.recovery_codes_not_found',
      ]);
  });

  test('the last factor that is required stays; a reset takes it', async () => {
    const user = await owner();
    const id = await keepPasskey(latchkey, user);
    await keepTotp(latchkey, user);
    await latchkey.run('settings.update', { name: 'mfa.enforcement', value: 'required' });
    expect((await call(user, `/passkeys/${id}`, 'DELETE')).status).toBe(200);
    expect(refusalOf(await call(user, '/totp', 'DELETE'))).toEqual([409, 'credentials.last_factor']);
    await latchkey.run('settings.update', { name: 'mfa.enforcement', value: 'optional' });
    const reset = await call(user, '/reset-mfa', 'POST', { reason: 'Lost phone' });
    expect([reset.status, reset.body]).toEqual([200, { id: user.id, reset: true }]);
    expect((await call(user, '/totp')).status).toBe(404);
  });

  test('the last way to sign in stays', async () => {
    const { id: user_id } = await latchkey.run<{ id: string }>('users.create', { username: `keyonly${(made += 1)}` });
    const user = { id: user_id };
    const passkey = await keepPasskey(latchkey, user);
    const removed = await call(user, `/passkeys/${passkey}`, 'DELETE');
    expect(refusalOf(removed)).toEqual([409, 'credentials.last_way_in']);
    expect((await call(user, `/passkeys/${passkey}`)).status).toBe(200);
  });
});

describe('trusted browsers', () => {
  test('are listed, newest first, and removed one by one or all', async () => {
    const user = await owner();
    const ids: string[] = [];
    for (let browsers = 0; browsers < 3; browsers += 1) ids.push(await keepTrustedBrowser(latchkey, user));
    const listed = (await call(user, '/trusted-browsers')).body['trusted_browsers'] as { id: string }[];
    expect(listed.map(({ id }) => id)).toEqual(ids.toReversed());
    const at = `/trusted-browsers/${ids[0]!}`;
    expect((await call(user, at)).body).toMatchObject({ id: ids[0], user_agent: 'Firefox', ip: '192.0.2.7' });
    expect((await call(user, at, 'DELETE')).body).toEqual({ id: ids[0], removed: true });
    for (const method of ['GET', 'DELETE'])
      expect(refusalOf(await call(user, at, method))).toEqual([404, 'credentials.trusted_browser_not_found']);
    expect((await call(user, '/trusted-browsers/delete-all', 'POST')).body).toEqual({ removed: 2 });
    expect(await eventsOf(user)).toEqual(Array.from({ length: 3 }, () => 'user.trusted_device_removed'));
  });
});

describe('linked accounts', () => {
  test('are listed by connection, read and unlinked with the end of all sessions', async () => {
    const user = await owner();
    for (const connection of ['github', 'google']) await keepIdentity(latchkey, user, connection);
    const listed = (await call(user, '/identities?connection=google')).body['identities'] as { id: string }[];
    expect(listed).toMatchObject([{ connection: 'google', issuer: 'https://provider.example' }]);
    const at = `/identities/${listed[0]!.id}`;
    expect((await call(user, at)).body).toEqual(listed[0]);
    const client = await latchkey.client({ first_party: true });
    await tokensFor(latchkey.base, client, user, {}, new Visitor());
    expect((await call(user, at, 'DELETE')).body).toEqual({ id: listed[0]!.id, removed: true });
    await mails.next(user.email);
    expect((await call(user, '/sessions')).body['sessions']).toEqual([]);
    for (const method of ['GET', 'DELETE'])
      expect(refusalOf(await call(user, at, method))).toEqual([404, 'identities.not_found']);
    expect(await shown(user, 'identities')).toMatchObject([{ connection: 'github' }]);
  });

  test('the last way to sign in stays', async () => {
    const user = await latchkey.run<{ id: string }>('users.create', { username: `linked${(made += 1)}` });
    await keepIdentity(latchkey, user);
    const [identity] = await shown(user, 'identities');
    const removed = await call(user, `/identities/${identity!.id}`, 'DELETE');
    expect(refusalOf(removed)).toEqual([409, 'credentials.last_way_in']);
  });
});

describe('sessions and consents', () => {
  test('are listed in pages, read and ended', async () => {
    const user = await owner();
    const client = await latchkey.client();
    const visitors = [new Visitor(), new Visitor()];
    for (const visitor of visitors) await tokensFor(latchkey.base, client, user, {}, visitor);
    const first = (await call(user, '/sessions?limit=1&include_total=true')).body;
    expect(first['total']).toBe(2);
    const next = (await call(user, `/sessions?limit=1&cursor=${String(first['next_cursor'])}`)).body;
    const [session] = next['sessions'] as { id: string }[];
    expect((await call(user, `/sessions/${session!.id}`)).body).toEqual(session);
    expect((await call(user, `/sessions/${session!.id}`, 'DELETE')).body).toEqual({ id: session!.id, ended: true });
    expect(refusalOf(await call(user, `/sessions/${session!.id}`))).toEqual([404, 'sessions.not_found']);
    expect((await call(user, '/sessions/end-all', 'POST')).body).toEqual({ ended: 1 });

    const { body } = await call(user, '/consents?include_total=true');
    expect(body).toMatchObject({ total: 1, next_cursor: null, consents: [{ client_id: client.client_id }] });
    const at = `/consents/${client.client_id}`;
    expect((await call(user, at)).body).toMatchObject({ client_id: client.client_id, scope: 'openid' });
    expect((await call(user, at, 'DELETE')).body).toEqual({ client_id: client.client_id, revoked: true });
    for (const method of ['GET', 'DELETE'])
      expect(refusalOf(await call(user, at, method))).toEqual([404, 'consent.not_found']);
  });
});

describe('a part', () => {
  const nested = operations.filter(
    ({ name, params, permission }) =>
      mounted.includes(name) &&
      !isOwn(permission) &&
      /^users\.(emails|phone_numbers|passkeys|totp|recovery_codes|trusted_browsers|sessions|consents|identities)\./.test(
        name,
      ) &&
      Object.hasOwn(params.shape, 'user_id') &&
      name !== 'users.identities.fetch_token',
  );
  let ids: Record<string, string>;
  beforeAll(async () => {
    const user = await owner();
    const client = await latchkey.client();
    await tokensFor(latchkey.base, client, user, {}, new Visitor());
    const idOf = async (path: string, json: object) => String((await call(user, path, 'POST', json)).body['id']);
    await keepIdentity(latchkey, user, 'own');
    ids = {
      email_id: await idOf('/emails', { email: fresh(), verified: true }),
      phone_number_id: await idOf('/phone-numbers', { phone_number: '+12025550170' }),
      passkey_id: await keepPasskey(latchkey, user),
      trusted_browser_id: await keepTrustedBrowser(latchkey, user),
      session_id: (await shown(user, 'sessions'))[0]!.id,
      identity_id: (await shown(user, 'identities'))[0]!.id,
      client_id: client.client_id,
    };
  });
  const ask = (userId: string, { name, params, example }: (typeof nested)[number]) => {
    const { method, path, reads } = routeOf({ name, params });
    const address = path.replace('{user_id}', userId).replaceAll(/\{(\w+)\}/g, (_, id: string) => ids[id]!);
    const json = reads || method === 'DELETE' ? undefined : (example ?? {});
    return callApi(latchkey, address.replace(/^\/api/, ''), { method, token, ...(json === undefined ? {} : { json }) });
  };

  test.each(nested.map((operation) => [operation.name, operation] as const))(
    '%s does not find one of another user, nor a user who does not exist',
    async (name, operation) => {
      expect(refusalOf(await ask(newId('usr'), operation))).toEqual([404, 'users.not_found']);
      const other = await latchkey.user();
      const answer = await ask(other.id, operation);
      const isCollection = Object.keys(operation.params.shape).length === 1 && !/totp|recovery/.test(name);
      if (!isCollection) expect(answer.status, JSON.stringify(answer.body)).toBe(404);
    },
  );

  test('of a user with more rights is read, and changed by no caller without them', async () => {
    const administrator = await latchkey.user({ administrator: true });
    for (const operation of nested.filter(({ event }) => event !== null))
      expect(refusalOf(await ask(administrator.id, operation)), operation.name).toEqual([403, 'users.rights_missing']);
    expect((await call(administrator, '/emails')).status).toBe(200);
  });
});
