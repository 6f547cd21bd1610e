import { readFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '#kernel/config.ts';
import { createAddressResolver } from '#kernel/http/client-address.ts';
import { createClientCertificates } from '#kernel/http/client-certificate.ts';
import { openListener, type Listener } from '#kernel/http/listener.ts';
import { bodyOf, openEdge, request, statusOf, type Context, type Routes, type TestEdge } from '../../support/edge.ts';

const file = (name: string) => join(import.meta.dirname, '../../support/certificates', name);

const routes: Routes = (router) => {
  router.post('/oauth/token', (ctx: Context) => {
    const shown = ctx.state.clientCertificate;
    ctx.body = shown ? { subject: shown.certificate.subject, isAuthorized: shown.isAuthorized } : { subject: null };
  });
};

describe('on the built-in TLS listener', () => {
  const listeners = new Map<string, Listener>();
  beforeAll(async () => {
    // The machine's trusted authorities do not count here.
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(file('ca.pem'), 'utf8')]);
    const certificates = createClientCertificates({
      header: 'x-ssl-client-cert',
      addresses: createAddressResolver(['127.0.0.1']),
    });
    for (const clientCaFile of [file('ca.pem'), 'optional_no_ca', undefined]) {
      const listener = await openListener(
        {
          port: 0,
          host: '127.0.0.1',
          tls: { certFile: file('server.pem'), keyFile: file('server.key'), clientCaFile },
        },
        (req, res) => {
          const shown = certificates.of(req);
          res.end(
            JSON.stringify(shown ? { subject: shown.certificate.subject, isAuthorized: shown.isAuthorized } : null),
          );
        },
      );
      listeners.set(String(clientCaFile), listener);
    }
  });
  afterAll(async () => {
    for (const listener of listeners.values()) await listener.close(0);
  });

  function show(listener: Listener, name: string | null, headers: Record<string, string> = {}): Promise<unknown> {
    const identity =
      name === null ? {} : { cert: readFileSync(file(`${name}.pem`)), key: readFileSync(file(`${name}.key`)) };
    return new Promise((resolve, reject) => {
      const sent = httpsRequest(
        { port: listener.port, host: '127.0.0.1', headers, agent: false, rejectUnauthorized: false, ...identity },
        (response) => {
          let text = '';
          response.on('data', (chunk) => (text += chunk)).on('end', () => resolve(JSON.parse(text)));
        },
      );
      sent.on('error', reject).end();
    });
  }

  test.each([
    [
      'with an authority, a certificate of it is vouched for',
      'ca',
      'client',
      { subject: 'CN=client', isAuthorized: true },
    ],
    ['with an authority, a self-signed one is not', 'ca', 'self', { subject: 'CN=self-signed', isAuthorized: false }],
    ['with an authority, a browser needs none', 'ca', null, null],
    [
      'without an authority, any key may show itself, and none is vouched for',
      'none',
      'client',
      { subject: 'CN=client', isAuthorized: false },
    ],
    [
      'without an authority, so may a self-signed one',
      'none',
      'self',
      { subject: 'CN=self-signed', isAuthorized: false },
    ],
    ['where nobody is asked, nobody shows one', 'off', 'client', null],
  ] as const)('%s', async (_title, mode, name, expected) => {
    const listener = listeners.get({ ca: file('ca.pem'), none: 'optional_no_ca', off: 'undefined' }[mode])!;
    expect(await show(listener, name)).toEqual(expected);
  });

  test('a header is not a certificate, not even from a trusted address', async () => {
    const pem = encodeURIComponent(readFileSync(file('client.pem'), 'utf8'));
    expect(
      await show(listeners.get(file('ca.pem'))!, null, { 'X-SSL-Client-Cert': pem, 'X-SSL-Client-Verify': 'SUCCESS' }),
    ).toBeNull();
  });
});

describe('behind a proxy that terminates TLS', () => {
  let trusting: TestEdge;
  let direct: TestEdge;
  let unconfigured: TestEdge;
  beforeAll(async () => {
    const ISSUER = 'https://id.test';
    trusting = await openEdge({
      routes,
      env: { ISSUER, TRUSTED_PROXIES: '127.0.0.1', CLIENT_CERT_HEADER: 'X-SSL-Client-Cert' },
    });
    direct = await openEdge({
      routes,
      env: { ISSUER, TRUSTED_PROXIES: '10.0.0.1', CLIENT_CERT_HEADER: 'X-SSL-Client-Cert' },
    });
    unconfigured = await openEdge({ routes, env: { ISSUER, TRUSTED_PROXIES: '127.0.0.1' } });
  });
  afterAll(() => Promise.all([trusting.close(), direct.close(), unconfigured.close()]));

  const pem = () => readFileSync(file('client.pem'), 'utf8');
  const escaped = () => `X-SSL-Client-Cert: ${encodeURIComponent(pem())}`;
  const post = async (edge: TestEdge, ...headers: string[]) => {
    const answer = await request(edge, 'POST /oauth/token', headers);
    return statusOf(answer) === 200 ? (JSON.parse(bodyOf(answer)) as unknown) : statusOf(answer);
  };

  test.each([
    [
      'escaped PEM (nginx)',
      () => [escaped(), 'X-SSL-Client-Verify: SUCCESS'],
      { subject: 'CN=client', isAuthorized: true },
    ],
    [
      'RFC 9440',
      () => [
        `X-SSL-Client-Cert: :${new X509Certificate(pem()).raw.toString('base64')}:`,
        'X-SSL-Client-Verify: SUCCESS',
      ],
      { subject: 'CN=client', isAuthorized: true },
    ],
    [
      'PEM in one line',
      () => [`X-SSL-Client-Cert: ${pem().trim().replaceAll('\n', ' ')}`],
      { subject: 'CN=client', isAuthorized: false },
    ],
    [
      'a chain that the proxy could not check',
      () => [escaped(), 'X-SSL-Client-Verify: FAILED:self-signed certificate'],
      { subject: 'CN=client', isAuthorized: false },
    ],
    ['no word about the chain', () => [escaped()], { subject: 'CN=client', isAuthorized: false }],
    ['no certificate', () => [], { subject: null }],
    ['an empty header', () => ['X-SSL-Client-Cert: ', 'X-SSL-Client-Verify: NONE'], { subject: null }],
    ['two certificates', () => [escaped(), escaped()], 400],
    [
      'two words about the chain',
      () => [escaped(), 'X-SSL-Client-Verify: FAILED', 'X-SSL-Client-Verify: SUCCESS'],
      400,
    ],
    ['garbage', () => ['X-SSL-Client-Cert: MIIB'], 400],
    ['garbage in the right wrapping', () => ['X-SSL-Client-Cert: :TUlJQg==:'], 400],
    ['a broken escape', () => ['X-SSL-Client-Cert: -----BEGIN%20CERTIFICATE-----%'], 400],
  ])('%s', async (_title, headers, expected) => {
    expect(await post(trusting, ...headers())).toEqual(expected);
  });

  test('the header of any other sender is ignored', async () => {
    for (const name of [
      'X-SSL-Client-Cert',
      'x-client-cert',
      'ssl_client_cert',
      'X-Forwarded-Client-Cert',
      'Client-Cert',
    ])
      expect(await post(direct, `${name}: ${encodeURIComponent(pem())}`, 'X-SSL-Client-Verify: SUCCESS'), name).toEqual(
        { subject: null },
      );
  });

  test('without the header in the configuration the proxy’s header is ignored too', async () => {
    expect(await post(unconfigured, escaped(), 'X-SSL-Client-Verify: SUCCESS')).toEqual({ subject: null });
  });

  test('the header without a trusted proxy stops the start', () => {
    expect(() => readConfig({ CLIENT_CERT_HEADER: 'X-SSL-Client-Cert' })).toThrow('TRUSTED_PROXIES');
  });
});
