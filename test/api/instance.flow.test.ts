/** Settings, keys, tokens, the brand, applications and proofs of the audit log over the management API. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callApi, clientTokens, machineWith, refusalOf } from '../support/api.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

let latchkey: TestApp;
let token: string;
const scopes =
  `settings.read settings.manage keys.read keys.manage clients.read clients.manage branding.manage audit.read audit.manage users.read`.split(
    ' ',
  );
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'oidc.registration': 'token' } });
  const machine = await machineWith(latchkey, ...scopes);
  ({ access_token: token } = await clientTokens(latchkey, machine, { scope: scopes.join(' ') }));
});
afterAll(() => latchkey.close());

const call = (method: string, path: string, json?: object) =>
  callApi(latchkey, `/v1${path}`, { method, token, ...(json === undefined ? {} : { json }) });
const read = async <T = Record<string, unknown>>(path: string) => (await call('GET', path)).body as T;

type Setting = { name: string; value: unknown; default: unknown; is_default: boolean; meaning: string; takes: string };

describe('settings', () => {
  test('are listed with value, default, type and meaning', async () => {
    const { settings, total } = await read<{ settings: Setting[]; total: number }>(
      '/settings?limit=200&include_total=true',
    );
    expect(settings).toHaveLength(total);
    expect(settings.filter(({ meaning }) => !/^[A-Z`][^]+\.$/.test(meaning))).toEqual([]);
    expect(settings.filter(({ takes }) => !takes.startsWith('must be '))).toEqual([]);
    expect(await read('/settings/password.history')).toEqual({
      name: 'password.history',
      section: 'password',
      meaning: expect.stringContaining('Last passwords of a user'),
      takes: 'must be a whole number from 0 to 24, such as 1',
      schema: { type: 'integer', minimum: 0, maximum: 24, default: 1 },
      value: 1,
      default: 1,
      is_default: true,
    });
  });

  test('can be narrowed to a section, and to those that were changed', async () => {
    const { settings } = await read<{ settings: Setting[] }>('/settings?changed=true');
    expect(settings.map(({ name }) => name)).toContain('oidc.registration');
    expect(settings.filter(({ is_default: isDefault }) => isDefault)).toEqual([]);
    const { settings: mfa } = await read<{ settings: Setting[] }>('/settings?section=mfa&changed=false');
    expect(mfa.every(({ name }) => name.startsWith('mfa.'))).toBe(true);
  });

  test('are changed, and reset to the default in two ways', async () => {
    const path = '/settings/password.history';
    expect((await call('PATCH', path, { value: 3 })).body).toMatchObject({ value: 3, default: 1, is_default: false });
    expect(refusalOf(await call('PATCH', path, {}))).toEqual([422, 'input.invalid']);
    expect((await call('POST', `${path}/reset`)).body).toMatchObject({ value: 1, is_default: true });
    await call('PATCH', path, { value: 3 });
    expect((await call('PATCH', path, { value: null })).body).toMatchObject({ value: 1, is_default: true });
    expect((await call('PATCH', '/settings/passkeys.rpId', { value: null })).body).toMatchObject({ value: null });
  });

  test.each([
    ['PATCH', '/settings/password.history', { value: 99 }, 422, 'settings.invalid'],
    ['PATCH', '/settings/password.histories', { value: 1 }, 404, 'settings.not_found'],
    ['PATCH', '/settings/constructor.name', { value: 1 }, 404, 'settings.not_found'],
    ['POST', '/settings/password/reset', undefined, 404, 'settings.not_found'],
    ['GET', '/settings/__proto__.x', undefined, 404, 'settings.not_found'],
  ] as const)('%s %s %j is refused', async (method, path, json, status, code) => {
    expect(refusalOf(await call(method, path, json))).toEqual([status, code]);
  });
});

describe('keys', () => {
  test('are listed and shown without their private part', async () => {
    const list = await read<{ keys: { kid: string; kty: string }[]; total: number }>('/keys?include_total=true');
    expect(list.keys).toHaveLength(list.total);
    expect(await read(`/keys/${list.keys[0]!.kid}`)).toEqual(list.keys[0]);
    expect(JSON.stringify(list)).not.toMatch(/"d"|PRIVATE|lk1\./);
    expect(refusalOf(await call('GET', '/keys/none'))).toEqual([404, 'keys.not_found']);
  });

  test('for SAML, too', async () => {
    const { keys } = await read<{ keys: { id: string; use: string }[] }>('/saml/keys?use=signing');
    expect(new Set(keys.map(({ use }) => use))).toEqual(new Set(['signing']));
    expect(await read(`/saml/keys/${keys[0]!.id}`)).toEqual(keys[0]);
    expect(refusalOf(await call('GET', '/saml/keys/none'))).toEqual([404, 'saml.key_not_found']);
    expect((await call('POST', '/saml/keys/rotate', { use: 'signing' })).body).toMatchObject({
      activated: [expect.any(String)],
    });
  });

  test('are rotated, and secrets are encrypted again', async () => {
    expect((await call('POST', '/keys/rotate')).body).toMatchObject({ scheduled: expect.any(Array) });
    expect((await call('POST', '/keys/reencrypt')).body).toMatchObject({ reencrypted: { jobs: expect.any(Object) } });
  });
});

test('a registration token is shown once, listed by its id, and deleted', async () => {
  const created = (await call('POST', '/registration-tokens', { expires_in_seconds: 600 })).body;
  const [id, secret] = [created['id'], created['initial_access_token']].map(String);
  await call('POST', '/registration-tokens', { expires_in_seconds: 3600 });
  const first = await read<{ registration_tokens: { id: string }[]; next_cursor: string; total: number }>(
    '/registration-tokens?limit=1&include_total=true',
  );
  expect([first.registration_tokens[0]!.id, first.total]).toEqual([id, 2]);
  const { registration_tokens: rest } = await read<{ registration_tokens: object[] }>(
    `/registration-tokens?limit=1&cursor=${first.next_cursor}`,
  );
  expect(rest).toHaveLength(1);
  expect(await read(`/registration-tokens/${id}`)).toEqual(first.registration_tokens[0]);
  expect(JSON.stringify([first, rest])).not.toContain(secret);
  const register = () =>
    fetch(`${latchkey.base}/oidc/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
      body: JSON.stringify({ redirect_uris: ['https://rp.example/cb'] }),
    });
  expect((await register()).status).toBe(201);
  expect((await call('DELETE', `/registration-tokens/${id}`)).body).toEqual({ id, deleted: true });
  expect((await register()).status).toBe(401);
  for (const method of ['GET', 'DELETE'])
    expect(refusalOf(await call(method, `/registration-tokens/${id}`))).toEqual([
      404,
      'oidc.registration_token_not_found',
    ]);
});

describe('the brand', () => {
  const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

  test('has files that are read back and removed', async () => {
    expect((await call('PATCH', '/branding/logo', { content: png, dark: true })).body).toEqual({ logo: 'changed' });
    expect(await read('/branding/logo?dark=true')).toEqual({ type: 'png', content: png });
    expect(await read('/branding/logo')).toEqual({ type: null, content: null });
    await call('PATCH', '/branding/stylesheet', { content: Buffer.from('h1{color:red}').toString('base64') });
    expect(await read('/branding')).toEqual({
      choice: { name: 'Latchkey' },
      logo: null,
      dark_logo: { type: 'png', size: expect.any(Number) },
      stylesheet: { size: expect.any(Number) },
    });
    const { content } = await read('/branding/stylesheet');
    expect(Buffer.from(String(content), 'base64').toString()).toContain('h1{color:red}');
    expect((await call('DELETE', '/branding/logo', { dark: true })).body).toEqual({ logo: 'removed' });
    expect((await call('DELETE', '/branding/stylesheet')).body).toEqual({ stylesheet: 'removed' });
    expect(await read('/branding')).toMatchObject({ dark_logo: null, stylesheet: null });
  });

  test('of a client is changed member by member', async () => {
    const { client_id } = await latchkey.client();
    const path = `/branding/clients/${client_id}`;
    expect((await call('PATCH', path, { color: '#0a3fb5', radius: 'round' })).body).toEqual(await read(path));
    expect((await call('PATCH', path, { radius: null })).body).toEqual({ color: '#0a3fb5' });
    expect((await call('POST', `/branding/client-logos/${client_id}/fetch`)).body).toMatchObject({ logo_uri: null });
    expect((await call('PATCH', '/branding/logo', { client_id, content: png })).body).toEqual({ logo: 'changed' });
    expect(await read(`/branding/logo?client_id=${client_id}`)).toMatchObject({ type: 'png' });
  });

  test.each([
    ['GET', '/branding/clients/none', undefined, 404, 'branding.client_unknown'],
    ['PATCH', '/branding/clients/none', { color: '#0a3fb5' }, 404, 'branding.client_unknown'],
    ['POST', '/branding/client-logos/none/fetch', undefined, 404, 'branding.client_unknown'],
    ['GET', '/branding/logo?client_id=none', undefined, 404, 'branding.client_unknown'],
    ['DELETE', '/branding/logo', { client_id: 'none' }, 404, 'branding.client_unknown'],
    ['PATCH', '/branding/logo', { content: 'AAAA' }, 422, 'branding.logo_refused'],
    ['PATCH', '/branding/stylesheet', { content: 'QGltcG9ydCAneCc7' }, 422, 'branding.stylesheet_refused'],
  ] as const)('%s %s %j is refused', async (method, path, json, status, code) => {
    expect(refusalOf(await call(method, path, json))).toEqual([status, code]);
  });
});

test('applications that speak SAML are made, listed, changed and deleted', async () => {
  const made = (client_id: string) => ({
    name: client_id,
    client_id,
    entity_id: `urn:${client_id}`,
    acs_urls: [{ url: `https://${client_id}.example/acs` }],
  });
  for (const name of ['wiki', 'blog']) expect((await call('POST', '/saml-applications', made(name))).status).toBe(201);
  type Page = { applications: { client_id: string }[]; next_cursor: string | null; total: number };
  const first = await read<Page>('/saml-applications?limit=1&include_total=true');
  expect([first.applications[0]!.client_id, first.total]).toEqual(['wiki', 2]);
  const second = await read<Page>(`/saml-applications?limit=1&cursor=${first.next_cursor}`);
  expect([second.applications[0]!.client_id, second.next_cursor]).toEqual(['blog', null]);
  expect((await read<Page>('/saml-applications?search=URN:wiki')).applications).toHaveLength(1);
  expect((await read<Page>('/saml-applications?sort=client_id')).applications[0]!.client_id).toBe('blog');
  const changed = await call('PATCH', '/saml-applications/wiki', { name_id_format: 'email' });
  expect(changed.body).toEqual(await read('/saml-applications/wiki'));
  const { id: user } = await latchkey.user();
  expect((await call('POST', '/saml-applications/wiki/preview-claims', { user })).status).toBe(200);
  expect(refusalOf(await call('POST', '/saml-applications/wiki/refresh-metadata'))).toEqual([
    422,
    'saml.metadata_refused',
  ]);
  expect((await call('DELETE', '/saml-applications/wiki')).body).toMatchObject({ deleted: true });
  expect(refusalOf(await call('GET', '/saml-applications/wiki'))).toEqual([404, 'saml.application_not_found']);
});

test('the audit log is verified, signed and trimmed', async () => {
  expect((await call('POST', '/audit/verify')).body).toMatchObject({ intact: true });
  const { checkpoint } = (await call('POST', '/audit/checkpoint')).body;
  expect((await call('POST', '/audit/verify', { checkpoints: checkpoint })).body).toMatchObject({ checkpoints: 1 });
  expect(refusalOf(await call('POST', '/audit/verify', { checkpoints: 'made-up' }))).toEqual([
    422,
    'audit.checkpoint_refused',
  ]);
  expect((await call('POST', '/audit/drop', { before: '2020-01' })).body).toMatchObject({ before: '2020-01' });
  expect(refusalOf(await call('POST', '/audit/drop', { before: '2999-01' }))).toEqual([422, 'audit.month_refused']);
});
