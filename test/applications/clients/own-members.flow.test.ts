import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ownMembers } from '#applications/clients/module.ts';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { post } from '../../support/visitor.ts';

type Body = Record<string, unknown>;
type Row = {
  /** A value and another one, as they are stored. */
  values: [unknown, unknown];
  wrong: unknown;
  /** Other members that a client with this one needs. */
  client?: Body;
  /** Whether a registration may set it: by default, where the setting names it, or never. */
  registered: 'default' | 'ceiling' | 'never';
};

const rows: Readonly<Record<string, Row>> = {
  allowed_origins: { values: [['capacitor://localhost'], ['https://a.example']], wrong: ['*'], registered: 'default' },
  id_token_claims: { values: [['email', 'name'], ['*']], wrong: ['a b'], registered: 'default' },
  mapped_claims: {
    values: [{ groups: { source: 'roles' } }, { plan: { source: 'constant', value: 'gold' } }],
    wrong: { sub: { source: 'constant', value: 'x' } },
    registered: 'never',
  },
  minimum_acr: {
    values: ['urn:latchkey:acr:2', 'urn:latchkey:acr:1'],
    wrong: 'urn:latchkey:acr:9',
    registered: 'never',
  },
  offline_access_unprompted: { values: [true, false], wrong: 1, registered: 'ceiling' },
  organization_usage: { values: ['allow', 'require'], wrong: 'maybe', registered: 'never' },
  refresh_token_grace: { values: [30, 0], wrong: 61, registered: 'ceiling' },
  sign_out_unasked: { values: [true, false], wrong: 'yes', registered: 'ceiling' },
  require_pkce: { values: [false, true], wrong: 'no', registered: 'ceiling' },
};

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp({
    settings: { 'oidc.registration': 'open', 'limits.registrationsPerAddress': 10_000 },
  });
});
afterAll(() => latchkey.close());

async function send(
  url: string,
  method: string,
  body: unknown,
  token?: string,
): Promise<{ status: number; body: Body }> {
  const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(url, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  return { status: answer.status, body: (await answer.json()) as Body };
}
const register = (metadata: Body) =>
  send(`${latchkey.base}/oidc/register`, 'POST', { redirect_uris: ['https://rp.example/cb'], ...metadata });
const replace = ({ registration_client_uri: uri, registration_access_token: token, ...known }: Body, changes: Body) => {
  const { client_id_issued_at: _at, client_secret_expires_at: _end, ...rest } = known;
  return send(String(uri), 'PUT', { ...rest, ...changes }, String(token));
};
const allow = (members: readonly string[] | null) =>
  latchkey.run('settings.update', { name: 'oidc.registrationMembers', value: JSON.stringify(members) });
const update = (clientId: unknown, changes: Body) =>
  latchkey.run<Body>('clients.update', { client_id: clientId, ...changes });

test('the table has every member', () => {
  expect(ownMembers.toSorted()).toEqual(Object.keys(rows).toSorted());
});

describe.each(Object.entries(rows))(
  '%s',
  (member, { values: [first, second], wrong, client: needs = {}, registered }) => {
    test('is set at the creation, changed, set to its default by null, and shown', async () => {
      const made = await latchkey.client({ ...needs, [member]: first });
      const shown = () => latchkey.run<Body>('clients.read', { client_id: made.client_id });
      expect([(made as TestClient & Body)[member], (await shown())[member]]).toEqual([first, first]);
      expect((await update(made.client_id, { [member]: second }))[member]).toEqual(second);
      expect((await update(made.client_id, { name: 'Another' }))[member]).toEqual(second);
      expect(await update(made.client_id, { [member]: null })).not.toHaveProperty(member);
      expect(await shown()).not.toHaveProperty(member);
    });

    test('is refused with a wrong value at the creation, by a change and by a registration', async () => {
      await expect(latchkey.client({ ...needs, [member]: wrong })).rejects.toThrow(member);
      const made = await latchkey.client(needs);
      await expect(update(made.client_id, { [member]: wrong })).rejects.toThrow(member);
      expect((await register({ ...needs, [member]: wrong })).status).toBe(400);
    });

    test(`is registered ${registered === 'never' ? 'by no software' : 'where the ceiling allows'}`, async () => {
      const byDefault = await register({ ...needs, [member]: first });
      expect(byDefault.status).toBe(registered === 'default' ? 201 : 400);
      if (registered === 'never') await expect(allow([member])).rejects.toThrow('registrationMembers');
      else {
        await allow([member]);
        const set = await register({ ...needs, [member]: first });
        expect([set.status, set.body[member]]).toEqual([201, first]);
        const changed = await replace(set.body, { [member]: second });
        expect([changed.status, changed.body[member]]).toEqual([200, second]);
        const left = await replace(changed.body, { [member]: undefined });
        expect([left.status, member in left.body]).toEqual([200, false]);
      }
      await allow([]);
      expect((await register({ ...needs, [member]: first })).status).toBe(400);
      await allow(null);
    });

    test('that the operator decided stays in an update by the software, which may repeat it and change nothing', async () => {
      await allow([]);
      const { body } = await register(needs);
      await update(body['client_id'], { [member]: first });
      const same = await replace(body, { [member]: first });
      expect([same.status, same.body[member]]).toEqual([200, first]);
      const silent = await replace(same.body, { [member]: undefined });
      expect([silent.status, silent.body[member]]).toEqual([200, first]);
      expect((await replace(silent.body, { [member]: second })).status).toBe(400);
      await allow(null);
    });
  },
);

describe('presets (clients.create)', () => {
  const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
  const here = 'http://localhost:8000';
  const there = 'https://rp.example/cb';
  const reads = ['email', 'email_verified', 'name', 'preferred_username'];
  const groups = { groups: { source: 'roles' } };

  test.each<[Body, Body]>([
    [
      { preset: 'server', redirect_uris: [there] },
      { type: 'web', token_endpoint_auth_method: 'client_secret_basic' },
    ],
    [
      { preset: 'spa', redirect_uris: [there] },
      { type: 'spa', token_endpoint_auth_method: 'none' },
    ],
    [
      { preset: 'mobile', redirect_uris: ['com.example.app:/cb'] },
      { type: 'native', application_type: 'native' },
    ],
    [{ preset: 'device' }, { type: 'native', grant_types: [DEVICE_GRANT, 'refresh_token'], redirect_uris: [] }],
    [{ preset: 'machine' }, { type: 'machine', grant_types: ['client_credentials'] }],
    [
      { preset: 'kubernetes', redirect_uris: [there] },
      { type: 'web', id_token_claims: reads, mapped_claims: groups },
    ],
    [
      { preset: 'kubernetes', redirect_uris: [here] },
      { type: 'native', id_token_claims: reads },
    ],
    [{ preset: 'kubernetes', redirect_uris: [here, there] }, { type: 'web' }],
    [
      { preset: 'kubernetes', redirect_uris: [here], type: 'web' },
      { type: 'web', id_token_claims: reads },
    ],
    [
      { preset: 'kubernetes', redirect_uris: [there], id_token_claims: ['*'] },
      { id_token_claims: ['*'], mapped_claims: groups },
    ],
    [{ preset: 'device', grant_types: [DEVICE_GRANT] }, { grant_types: [DEVICE_GRANT] }],
  ])('%j', async (given, expected) => {
    const client = await latchkey.run<TestClient>('clients.create', { name: 'Preset', ...given });
    expect(client).toMatchObject(expected);
    expect(client).not.toHaveProperty('preset');
    if (given['preset'] !== 'device') return;
    const answer = await post(`${latchkey.base}/oidc/device/auth`, client, { scope: 'openid' });
    expect([answer.status, answer.body['user_code']]).toEqual([200, expect.any(String)]);
  });

  test('a preset is no member of a client: a change and a registration do not know it', async () => {
    const made = await latchkey.client();
    await expect(update(made.client_id, { preset: 'spa' })).rejects.toThrow('preset');
    expect((await register({ preset: 'machine' })).body).not.toHaveProperty('preset');
  });
});
