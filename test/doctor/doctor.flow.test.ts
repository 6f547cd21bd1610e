// The lines of the report about stored clients and certificates.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Finding } from '#doctor/finding.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { samlKey } from '../support/saml-keys.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey.close());

const findings = async () => (await latchkey.run<{ findings: Finding[] }>('instance.check')).findings;

test('a client that may leave PKCE out is named, with the command that ends this', async () => {
  expect((await findings()).map(({ name }) => name)).not.toContain('clients');
  const client = await latchkey.client({ require_pkce: false });
  const found = (await findings()).find(({ name }) => name === 'clients');
  expect(found).toMatchObject({ status: 'warning', message: expect.stringContaining(client.client_id) });
  expect(found!.next).toContain(`client change ${client.client_id} --require-pkce true`);
  await latchkey.run('clients.update', { client_id: client.client_id, require_pkce: true });
  expect((await findings()).map(({ name }) => name)).not.toContain('clients');
});

test('the certificate of our key at an identity provider has a line', async () => {
  const key = await samlKey('RSA 2048', 'latchkey');
  await latchkey.run('connections.create', {
    slug: 'acme',
    provider: 'microsoft',
    issuer: 'https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0',
    client_id: 'latchkey',
    client_secret: key.privateKey,
    client_certificate: key.certificate,
  });
  expect(await findings()).toContainEqual({
    name: 'client certificate of connection acme',
    status: 'ok',
    message: 'The certificate is valid until 2040-01-01.',
    next: null,
  });
  await latchkey.run('connections.update', { connection: 'acme', enabled: false });
  expect((await findings()).map(({ name }) => name)).not.toContain('client certificate of connection acme');
});
