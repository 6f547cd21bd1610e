/** Acts on users who hold roles: who may perform them, and that one administrator is always left. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { permissions } from '#directory/access/module.ts';
import { byClient, operator } from '#audit/module.ts';
import { DAY } from '#kernel/clock.ts';
import { newId, toUuid } from '#kernel/ids.ts';
import { type OperationAnswer, runFor } from '#kernel/operations/bound-operation.ts';
import { operations } from '../../../src/app/operations.ts';
import { API, callApi, clientTokens, machineWith, refusalOf, userTokens } from '../../support/api.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { givenTo } from '../../support/operations.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey.close());

const sql = (text: string, values: unknown[] = []) => latchkey.app.database.sql(text, values);
const uuidOf = ({ id }: TestUser) => toUuid(id as `usr_${string}`);
const stateOf = async (user: TestUser) =>
  (await latchkey.run<{ status: string }>('users.read', { user_id: user.id })).status;
const codeOf = (answer: OperationAnswer) => (answer.ok ? null : answer.code);
/** A caller of a page, a program or a job that has these permissions alone. */
const callerWith =
  (...held: string[]) =>
  async (name: string, members: object) =>
    codeOf(
      await runFor(latchkey.app.operations, { ...byClient('robot'), may: (permission) => held.includes(permission) })(
        name,
        givenTo(name, members),
      ),
    );
const without = (missing: string) => callerWith(...Object.keys(permissions).filter((name) => name !== missing));

/** Every operation that changes something of one user, with its other members. */
const acts: readonly [name: string, members: object][] = [
  ['users.disable', {}],
  ['users.enable', {}],
  ['users.update', { nickname: null }],
  ['users.password.send_reset', {}],
  ['users.password.set_temporary', {}],
  ['users.unlock', {}],
  ['users.picture.update', { content: null }],
  ['users.picture.delete', {}],
  ['users.delete', {}],
  ['users.restore', {}],
  ['users.properties.update', { set: { none: null } }],
  ['users.username.update', { username: 'renamed' }],
  ['users.username.delete', {}],
  ['users.require_password', {}],
  ['users.reset_mfa', { reason: 'lost the phone' }],
  ['users.allow_organizations', {}],
  ['users.refuse_organizations', {}],
  ['users.sessions.delete', { session_id: 'none' }],
  ['users.sessions.end_all', {}],
  ['users.consents.delete', { client_id: 'shop' }],
  ['users.identities.delete', { identity_id: 'none' }],
  ['users.emails.create', { email: 'ranked@example.com' }],
  ['users.emails.update', { email_id: newId('cnt') }],
  ['users.emails.delete', { email_id: newId('cnt') }],
  ['users.emails.send_verification', { email_id: newId('cnt') }],
  ['users.phone_numbers.create', { phone_number: '+12025550123' }],
  ['users.phone_numbers.update', { phone_number_id: newId('cnt') }],
  ['users.phone_numbers.delete', { phone_number_id: newId('cnt') }],
  ['users.passkeys.update', { passkey_id: newId('psk'), name: 'Blue' }],
  ['users.passkeys.delete', { passkey_id: newId('psk') }],
  ['users.totp.delete', {}],
  ['users.recovery_codes.delete', {}],
  ['users.trusted_browsers.delete', { trusted_browser_id: newId('tdev') }],
  ['users.trusted_browsers.delete_all', {}],
  ['users.identities.fetch_token', { connection: 'acme' }],
];

describe('an act on a user with a role needs every permission that the role brings', () => {
  let administrator: TestUser;
  let person: TestUser;
  beforeAll(async () => {
    administrator = await latchkey.user({ administrator: true });
    await latchkey.user({ administrator: true });
    person = await latchkey.user();
  });
  afterAll(() => sql('update users set is_administrator = false'));

  test('every operation that changes something of one user is in this test', () => {
    const changing = operations.filter(
      ({ permission, params, input }) =>
        !permission.endsWith('.read') &&
        !permission.startsWith('organization.') &&
        // Roles and groups have rules of their own: test/directory/access.
        !permission.startsWith('access.') &&
        'user_id' in { ...params.shape, ...input.shape },
    );
    expect(changing.map(({ name }) => name).toSorted()).toEqual(acts.map(([name]) => name).toSorted());
  });

  test.each(acts)('%s', async (name, members) => {
    const { permission } = operations.find((operation) => operation.name === name)!;
    const on = ({ id }: TestUser) => ({ ...members, user_id: id });
    expect(await callerWith(permission)(name, on(administrator))).toBe('users.rights_missing');
    expect(await without('audit.read')(name, on(administrator))).toBe('users.rights_missing');
    expect(await callerWith(permission)(name, on(person))).not.toBe('users.rights_missing');
    expect(await callerWith(...Object.keys(permissions))(name, on(administrator))).not.toBe('users.rights_missing');
    await latchkey.run('users.enable', { user_id: administrator.id });
  });

  test.each(acts)('%s, also of a user with a role that was made for this instance', async (name, members) => {
    const { permission } = operations.find((operation) => operation.name === name)!;
    const auditor = await latchkey.user();
    await sql(
      `with made as (insert into role (id, name, permissions, created_at, updated_at)
         values (gen_random_uuid(), gen_random_uuid()::text, '{audit.read}', now(), now()) returning id)
       insert into role_assignment (id, user_id, role_id, created_at) select gen_random_uuid(), $1, id, now() from made`,
      [uuidOf(auditor)],
    );
    const on = { ...members, user_id: auditor.id };
    expect(await callerWith(permission)(name, on)).toBe('users.rights_missing');
    expect(await callerWith(permission, 'audit.read')(name, on)).not.toBe('users.rights_missing');
  });

  test('also when the user is disabled', async () => {
    await latchkey.run('users.disable', { user_id: administrator.id });
    expect(await callerWith('users.manage')('users.enable', { user_id: administrator.id })).toBe(
      'users.rights_missing',
    );
    expect(await stateOf(administrator)).toBe('disabled');
    await latchkey.run('users.enable', { user_id: administrator.id });
  });

  test.each<[name: string, members: object]>([
    ['users.create', { email: 'grace@grants.example', administrator: true }],
    ['invitations.create', { email: 'grace@grants.example', administrator: true }],
  ])('%s gives the role only if the caller has them', async (name, members) => {
    expect(await callerWith('users.manage')(name, members)).toBe('users.role_not_held');
    expect(await sql("select 1 from users where email like '%@grants.example'")).toEqual([]);
    expect(await callerWith('users.manage')(name, { ...members, administrator: false })).not.toBe(
      'users.role_not_held',
    );
    await sql("delete from users where email like '%@grants.example'");
  });

  test('through the API: for a client, and for a user whose token has fewer scopes than the roles bring', async () => {
    const signedIn = await latchkey.user({ administrator: true });
    const path = `/v1/users/${signedIn.id}/disable`;
    const machine = await machineWith(latchkey, '*');
    const web = await latchkey.client({ first_party: true, apis: { [API]: ['*'] } });
    const call = async (token: string) => refusalOf(await callApi(latchkey, path, { method: 'POST', token }));
    const { access_token: ofMachine } = await clientTokens(latchkey, machine, { scope: 'users.manage' });
    expect(await call(ofMachine)).toEqual([403, 'users.rights_missing']);
    const { access_token: ofUser } = await userTokens(latchkey, web, signedIn, 'openid users.manage');
    expect(await call(ofUser)).toEqual([403, 'users.rights_missing']);
    expect(await stateOf(signedIn)).toBe('active');
    const scope = Object.keys(permissions).join(' ');
    const { access_token: whole } = await clientTokens(latchkey, machine, { scope });
    expect(await call(whole)).toEqual([200, undefined]);
  });
});

describe('the last active administrator', () => {
  let last: TestUser;
  let other: TestUser;
  beforeEach(async () => {
    last = await latchkey.user({ administrator: true });
    other = await latchkey.user({ administrator: true });
  });
  afterEach(() => sql('update users set is_administrator = false, deletes_at = null'));

  const disable = (user: TestUser) =>
    runFor(latchkey.app.operations, operator)('users.disable', givenTo('users.disable', { user_id: user.id }));
  const close = (user: TestUser, at: Date) => sql('update users set deletes_at = $2 where id = $1', [uuidOf(user), at]);

  test('cannot be disabled on the command line or over the API, and the answer says what to do', async () => {
    expect(codeOf(await disable(other))).toBeNull();
    expect(await disable(last)).toMatchObject({
      code: 'users.last_administrator',
      message: expect.stringContaining('Create or invite another administrator first.') as string,
    });
    const robot = await machineWith(latchkey, '*');
    const { access_token: token } = await clientTokens(latchkey, robot, { scope: Object.keys(permissions).join(' ') });
    const answer = await callApi(latchkey, `/v1/users/${last.id}/disable`, { method: 'POST', token });
    expect(refusalOf(answer)).toEqual([409, 'users.last_administrator']);
    expect(await stateOf(last)).toBe('active');
    await latchkey.run('users.enable', { user_id: other.id });
    expect(codeOf(await disable(last))).toBeNull();
  });

  test('is left when all are disabled at once', async () => {
    const third = await latchkey.user({ administrator: true });
    const all = [last, other, third];
    const codes = (await Promise.all(all.map(disable))).map(codeOf);
    expect(codes.filter((code) => code !== null)).toEqual(['users.last_administrator']);
    const states = await Promise.all(all.map(stateOf));
    expect(states.toSorted()).toEqual(['active', 'disabled', 'disabled']);
  });

  test('is not one whose owner has closed the account', async () => {
    await close(other, new Date(Date.now() + DAY));
    expect(codeOf(await disable(last))).toBe('users.last_administrator');
    expect(codeOf(await disable(other))).toBeNull();
  });

  test('is not erased when the days of grace are over, until there is another one', async () => {
    expect(codeOf(await disable(other))).toBeNull();
    await close(last, new Date(Date.now() - DAY));
    expect(await latchkey.app.closing.purge(100)).toBe(0);
    expect(await stateOf(last)).toBe('active');
    await latchkey.run('users.enable', { user_id: other.id });
    expect(await latchkey.app.closing.purge(100)).toBe(1);
    expect(await sql('select 1 from users where id = $1', [uuidOf(last)])).toEqual([]);
  });
});
