/** A private key that the provider knows by its certificate. */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '#kernel/database.ts';
import { connectionsOn, signInAt } from '../support/connections.ts';
import { openTestDatabase } from '../support/database.ts';
import { samlKey, type TestKey } from '../support/saml-keys.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const tenant = 'https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0';
const seconds = () => Math.floor(performance.timeOrigin / 1000 + performance.now() / 1000);

let database: Database;
let upstream: Upstream;
let node: ReturnType<typeof connectionsOn>;
let [rsa, other, ec]: TestKey[] = [];
beforeAll(async () => {
  [database, upstream, rsa, other, ec] = await Promise.all([
    openTestDatabase(),
    startUpstream(),
    samlKey('RSA 2048', 'latchkey'),
    samlKey('RSA 2048', 'next'),
    samlKey('P-256', 'latchkey'),
  ]);
  node = connectionsOn(database, { upstream });
});
afterAll(async () => {
  await node.close();
  await upstream.close();
  await database.close();
});
beforeEach(async () => {
  await database.sql('delete from connection');
  upstream.asked.length = 0;
});

const connect = (more: object = {}) =>
  node.call('connections.create', {
    slug: 'acme',
    provider: 'microsoft',
    issuer: tenant,
    client_id: 'latchkey',
    client_secret: rsa!.privateKey,
    client_certificate: rsa!.certificate,
    ...more,
  });

/** Signs in, and reads the assertion that the provider was shown. */
async function assertionAt(issuer: string, certificate: string) {
  upstream.openid(issuer, ({ body }) => ({
    iss: issuer,
    aud: 'latchkey',
    sub: 'user-1',
    tid: '9122040d-6c67-4c5b-b112-36a304b66dad',
    exp: seconds() + 300,
    iat: seconds(),
    nonce: body.get('code'),
  }));
  expect(await signInAt(node, 'acme')).toMatchObject({ kind: 'profile' });
  const { body } = upstream.asked.findLast(({ method }) => method === 'POST')!;
  expect(body.has('client_secret')).toBe(false);
  return jwtVerify(body.get('client_assertion')!, new X509Certificate(certificate).publicKey);
}
const hexToBase64url = (fingerprint: string) =>
  Buffer.from(fingerprint.replaceAll(':', ''), 'hex').toString('base64url');

describe('the header of a client assertion names the certificate, whose key signed it', () => {
  // https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials
  test('at Microsoft by SHA-256 alone, with PS256', async () => {
    await connect();
    const { protectedHeader, payload } = await assertionAt(tenant, rsa!.certificate);
    const { fingerprint256 } = new X509Certificate(rsa!.certificate);
    expect(protectedHeader).toEqual({ alg: 'PS256', typ: 'JWT', 'x5t#S256': hexToBase64url(fingerprint256) });
    expect(payload).toMatchObject({ iss: 'latchkey', sub: 'latchkey', jti: expect.any(String) });
  });

  test.each([
    ['RS256', () => rsa!],
    ['ES256', () => ec!],
  ])('at any provider by SHA-1 and SHA-256, with %s', async (alg, key) => {
    const { privateKey, certificate } = key();
    const given = { client_secret: privateKey, client_certificate: certificate, key_id: 'key-1' };
    await connect({ provider: 'oidc', issuer: upstream.url, ...given });
    const { protectedHeader } = await assertionAt(upstream.url, certificate);
    const { fingerprint, fingerprint256 } = new X509Certificate(certificate);
    const thumbprints = { x5t: hexToBase64url(fingerprint), 'x5t#S256': hexToBase64url(fingerprint256) };
    expect(protectedHeader).toEqual({ alg, typ: 'JWT', kid: 'key-1', ...thumbprints });
  });
});

describe('a certificate', () => {
  test('is shown with its end, and changes together with its key alone', async () => {
    const created = await connect();
    expect(created).toMatchObject({
      client_certificate: rsa!.certificate,
      client_certificate_expires_at: '2040-01-01T00:00:00.000Z',
      has_client_secret: true,
    });
    expect(JSON.stringify(created)).not.toContain('PRIVATE KEY');
    const change = (given: object) => node.call('connections.update', { connection: 'acme', ...given });
    const refused = { code: 'connections.invalid' };
    await expect(change({ client_certificate: other!.certificate })).rejects.toMatchObject(refused);
    await expect(change({ client_secret: other!.privateKey })).rejects.toMatchObject(refused);
    await expect(change({ client_certificate: null })).rejects.toMatchObject(refused);
    await change({ client_secret: other!.privateKey, client_certificate: other!.certificate });
    const { protectedHeader } = await assertionAt(tenant, other!.certificate);
    expect(protectedHeader).toMatchObject({ alg: 'PS256' });
    // A shared secret in place of the key.
    expect(await change({ client_secret: 'shared secret', client_certificate: null })).not.toHaveProperty(
      'client_certificate_expires_at',
    );
  });

  test.each<[string, () => object]>([
    ['of another key', () => ({ client_certificate: other!.certificate })],
    [
      'with its private key, which would be shown',
      () => ({ client_certificate: `${rsa!.certificate}\n${rsa!.privateKey}` }),
    ],
    ['twice', () => ({ client_certificate: `${rsa!.certificate}\n${rsa!.certificate}` })],
    ['that is none', () => ({ client_certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' })],
    ['for a shared secret', () => ({ client_authentication: 'client_secret_post', client_secret: 'shared secret' })],
    [
      'for a key that Microsoft cannot use',
      () => ({ client_secret: ec!.privateKey, client_certificate: ec!.certificate }),
    ],
    ['missing, so that the key would be sent as a shared secret,', () => ({ client_certificate: undefined })],
    ['missing at Microsoft', () => ({ client_certificate: undefined, client_authentication: 'private_key_jwt' })],
    ['at a provider without private keys', () => ({ provider: 'google', issuer: undefined })],
    ['at SAML', () => ({ provider: 'saml', issuer: undefined, client_secret: undefined })],
  ])('%s is refused', async (_, given) => {
    await expect(connect(given())).rejects.toMatchObject({ code: 'connections.invalid' });
  });

  test('comes from a file that a variable names', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-certificate-'));
    try {
      await writeFile(join(folder, 'key.pem'), rsa!.privateKey);
      await writeFile(join(folder, 'certificate.pem'), `${rsa!.certificate}\n`);
      const P = 'LATCHKEY_CONNECTION_ACME_';
      const variables = {
        [`${P}PROVIDER`]: 'microsoft',
        [`${P}ISSUER`]: tenant,
        [`${P}CLIENT_ID`]: 'latchkey',
        [`${P}CLIENT_SECRET_FILE`]: join(folder, 'key.pem'),
        [`${P}CLIENT_CERTIFICATE_FILE`]: join(folder, 'certificate.pem'),
      };
      await node.applyEnvironment(variables);
      await assertionAt(tenant, rsa!.certificate);
      await expect(
        node.call('connections.update', { connection: 'acme', client_certificate: other!.certificate }),
      ).rejects.toMatchObject({ code: 'connections.of_environment' });
      const missing = { ...variables, [`${P}CLIENT_CERTIFICATE_FILE`]: join(folder, 'no.pem') };
      await expect(node.applyEnvironment(missing)).rejects.toThrow(/client certificate of the connection acme/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
