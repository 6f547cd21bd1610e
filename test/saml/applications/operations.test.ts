import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { DAY } from '#kernel/clock.ts';
import { samlKey } from '../../support/saml-keys.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey.close());

const certificateOf = async ({ days = 365, kind }: { days?: number; kind?: 'RSA 1024' }): Promise<string> =>
  (await samlKey(kind, 'wiki', new Date(Date.now() + days * DAY))).certificate;

type Shown = Record<string, unknown> & { client_id: string; warnings?: string[] };
let count = 0;
const given = (members: Record<string, unknown> = {}) => ({
  name: 'Wiki',
  entity_id: `https://wiki-${++count}.example/saml`,
  acs_urls: [{ url: 'https://wiki.example/acs' }],
  ...members,
});
const create = (members: Record<string, unknown> = {}) =>
  latchkey.run<Shown>('saml_applications.create', given(members));

describe('an application that speaks SAML', () => {
  test('has safe rules, and addresses of ours, where nothing else is said', async () => {
    const shown = await create({ client_id: 'wiki' });
    expect(shown).toMatchObject({
      client_id: 'wiki',
      client_name: 'Wiki',
      first_party: false,
      acs_urls: [{ url: 'https://wiki.example/acs', index: 0, is_default: true }],
      name_id_format: 'persistent',
      signs: 'response_and_assertion',
      encrypts_assertions: false,
      launchable: false,
      identity_provider: {
        entity_id: `${latchkey.base}/saml/applications/wiki/metadata`,
        sign_in_url: `${latchkey.base}/saml/applications/wiki/sso`,
        logout_url: `${latchkey.base}/saml/applications/wiki/slo`,
        launch_url: `${latchkey.base}/saml/applications/wiki/launch`,
      },
    });
    expect(await latchkey.run('saml_applications.read', { client_id: 'wiki' })).toEqual(shown);
    expect(await latchkey.run('saml_applications.list')).toMatchObject({ applications: [{ client_id: 'wiki' }] });
  });

  test('is a client, and shows as one', async () => {
    const { client_id } = await create();
    expect(await latchkey.run('clients.read', { client_id })).toMatchObject({ type: 'saml', client_secrets: [] });
  });

  test('changes what is named, and keeps the rest', async () => {
    const { client_id } = await create();
    const changed = await latchkey.run<Shown>('saml_applications.update', {
      client_id,
      name_id_format: 'email',
      acs_urls: [{ url: 'https://a.example/acs' }, { url: 'https://b.example/acs', is_default: true }],
    });
    expect(changed).toMatchObject({
      name_id_format: 'email',
      signs: 'response_and_assertion',
      acs_urls: [
        { url: 'https://a.example/acs', index: 0, is_default: false },
        { url: 'https://b.example/acs', index: 1, is_default: true },
      ],
    });
  });

  test('is deleted with its client', async () => {
    const { client_id } = await create();
    await latchkey.run('saml_applications.delete', { client_id });
    await expect(latchkey.run('clients.read', { client_id })).rejects.toThrow('clients.not_found');
    await expect(latchkey.run('saml_applications.read', { client_id })).rejects.toThrow('saml.application_not_found');
  });

  test('says that its certificates end', async () => {
    const soon = await create({ certificates: [{ certificate: await certificateOf({ days: 5 }) }] });
    expect(soon.warnings).toEqual([expect.stringMatching(/^Its certificates end on /)]);
    const { client_id } = soon;
    const later = [
      { certificate: await certificateOf({ days: 5 }) },
      { certificate: await certificateOf({ days: 500 }) },
    ];
    const changed = await latchkey.run<Shown>('saml_applications.update', { client_id, certificates: later });
    expect(changed.warnings).toBeUndefined();
  });

  test('keeps its entity identifier to itself', async () => {
    await create({ entity_id: 'https://taken.example' });
    await expect(create({ entity_id: 'https://taken.example' })).rejects.toThrow('saml.entity_id_taken');
    const { client_id } = await create();
    await expect(
      latchkey.run('saml_applications.update', { client_id, entity_id: 'https://taken.example' }),
    ).rejects.toThrow('saml.entity_id_taken');
  });

  test.each([
    ['without an entity identifier', { entity_id: undefined }, 'entity_id'],
    ['with an entity identifier that has a space', { entity_id: 'a b' }, 'entity_id'],
    ['without an address', { acs_urls: undefined }, 'acs_urls'],
    ['with an address without TLS', { acs_urls: [{ url: 'http://wiki.example/acs' }] }, 'acs_urls'],
    ['with an address that is a script', { acs_urls: [{ url: 'javascript:alert(1)' }] }, 'acs_urls'],
    ['with an address of data', { acs_urls: [{ url: 'data:text/html,x' }] }, 'acs_urls'],
    [
      'with two of one index',
      {
        acs_urls: [
          { url: 'https://a.example', index: 1 },
          { url: 'https://b.example', index: 1 },
        ],
      },
      'acs_urls',
    ],
    [
      'with a logout address that is a script',
      { logout_endpoints: [{ binding: 'post', url: 'javascript:x' }] },
      'logout_endpoints',
    ],
    ['with demands that no certificate can meet', { requires_signed_requests: true }, 'certificates'],
    ['with encryption and no certificate', { encrypts_assertions: true }, 'certificates'],
    ['with a text that is no certificate', { certificates: [{ certificate: 'MIIB' }] }, 'certificates'],
  ])('is refused %s', async (_title, members, member) => {
    await expect(create(members)).rejects.toThrow(`saml.application_invalid Correct these members: ${member} `);
  });

  test('is refused with a certificate of a short key', async () => {
    const certificates = [{ certificate: await certificateOf({ kind: 'RSA 1024' }) }];
    await expect(create({ certificates })).rejects.toThrow('saml.application_invalid');
  });
});

describe('the client of an application', () => {
  test('is made by no operation of clients', async () => {
    await expect(latchkey.run('clients.create', { name: 'Wiki', type: 'saml' })).rejects.toThrow('input.invalid');
  });

  test.each([
    ['redirect_uris', ['https://evil.example/cb']],
    ['grant_types', ['client_credentials']],
    ['token_endpoint_auth_method', 'none'],
    ['jwks_uri', 'https://evil.example/jwks'],
  ])('takes no %s', async (member, value) => {
    const { client_id } = await create();
    await expect(latchkey.run('clients.update', { client_id, [member]: value })).rejects.toThrow(
      'clients.metadata_invalid',
    );
  });

  test('has a name, a logo and a least level as other clients', async () => {
    const { client_id } = await create();
    const changed = await latchkey.run('clients.update', {
      client_id,
      name: 'Handbook',
      logo_uri: 'https://wiki.example/logo.svg',
      minimum_acr: 'urn:latchkey:acr:2',
    });
    expect(changed).toMatchObject({ client_name: 'Handbook', minimum_acr: 'urn:latchkey:acr:2' });
  });

  test('has no secret, and gets none', async () => {
    const { client_id } = await create();
    for (const name of ['clients.secrets.create', 'clients.secrets.rotate'])
      await expect(latchkey.run(name, { client_id })).rejects.toThrow('clients.secret_not_used');
  });

  test.each([
    ['token', { grant_type: 'authorization_code', code: 'x', redirect_uri: 'https://wiki.example' }],
    ['token', { grant_type: 'client_credentials' }],
    ['token', { grant_type: 'refresh_token', refresh_token: 'x' }],
    ['par', { response_type: 'code', scope: 'openid' }],
    ['device/auth', { scope: 'openid' }],
    ['introspect', { token: 'x' }],
    ['revoke', { token: 'x' }],
  ])('proves itself nowhere: /oidc/%s %o', async (endpoint, body) => {
    const { client_id } = await create();
    const ask = (extra: Record<string, string>) =>
      fetch(`${latchkey.base}/oidc/${endpoint}`, {
        method: 'POST',
        body: new URLSearchParams({ ...body, client_id, ...extra }),
      });
    for (const extra of [{}, { client_secret: '' }, { client_secret: 'guess' }]) {
      const response = await ask(extra);
      expect([400, 401]).toContain(response.status);
      expect(await response.json()).toMatchObject({ error: expect.stringMatching(/^invalid_(client|request)$/) });
    }
  });
});
