/** The protocol versions, suites, groups and signatures of the built-in TLS listener: each connection offers one thing. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Listener, openListener } from '#kernel/http/listener.ts';

const file = (name: string): string => join(import.meta.dirname, '../../support/certificates', name);
const folder = mkdtempSync(join(tmpdir(), 'latchkey-tls-'));

/** One listener for each kind of key: a suite names the kind of the certificate. */
const listeners = {} as Record<'ECDSA' | 'RSA', Listener>;
beforeAll(async () => {
  const [certFile, keyFile] = [join(folder, 'rsa.pem'), join(folder, 'rsa.key')];
  const [subject, days] = ['/CN=localhost', '2'];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      days,
      '-subj',
      subject,
      '-keyout',
      keyFile,
      '-out',
      certFile,
    ],
    { stdio: 'ignore' },
  );
  const open = (certFile: string, keyFile: string) =>
    openListener({ port: 0, host: '127.0.0.1', tls: { certFile, keyFile, clientCaFile: undefined } }, (_req, res) =>
      res.end(),
    );
  listeners.ECDSA = await open(file('server.pem'), file('server.key'));
  listeners.RSA = await open(certFile, keyFile);
});
afterAll(async () => {
  await Promise.all(Object.values(listeners).map((listener) => listener.close(0)));
  rmSync(folder, { recursive: true });
});

type Spoken = { protocol: string | null; cipher: string };

/** Offers this alone, at the lowest security level of the library; null when the handshake fails. */
function offer(kind: 'ECDSA' | 'RSA', { ciphers, ...options }: ConnectionOptions): Promise<Spoken | null> {
  return new Promise((resolve) => {
    const socket = connect(
      {
        port: listeners[kind].port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        // The last one is for TLS 1.2: OpenSSL wants a suite of it in every list.
        ciphers: `${ciphers ?? 'ALL'}${ciphers?.startsWith('TLS_') ? ':AES128-SHA' : ''}:@SECLEVEL=0`,
        ...options,
      },
      () => {
        resolve({ protocol: socket.getProtocol(), cipher: socket.getCipher().name });
        socket.destroy();
      },
    );
    socket.on('error', () => resolve(null));
  });
}
const tls12 = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
const tls13 = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;

describe('cipher suites (RFC 9325 §4.2, FAPI 2.0 Security Profile §5.2.2)', () => {
  test.each(['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'])(
    'TLS 1.3 with %s is accepted',
    async (ciphers) => {
      for (const kind of ['ECDSA', 'RSA'] as const)
        expect(await offer(kind, { ...tls13, ciphers })).toEqual({ protocol: 'TLSv1.3', cipher: ciphers });
    },
  );

  test.each([
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES256-GCM-SHA384',
  ])('TLS 1.2 with %s is accepted', async (ciphers) => {
    const kind = ciphers.includes('ECDSA') ? 'ECDSA' : 'RSA';
    expect(await offer(kind, { ...tls12, ciphers })).toEqual({ protocol: 'TLSv1.2', cipher: ciphers });
  });

  test.each([
    [
      'static RSA',
      'AES128-SHA AES256-SHA AES128-SHA256 AES128-GCM-SHA256 AES256-GCM-SHA384 AES128-CCM ARIA128-GCM-SHA256',
    ],
    ['CBC', 'ECDHE-RSA-AES128-SHA ECDHE-RSA-AES256-SHA ECDHE-RSA-AES128-SHA256 ECDHE-RSA-AES256-SHA384'],
    ['CBC', 'ECDHE-ECDSA-AES128-SHA ECDHE-ECDSA-AES256-SHA384 ECDHE-ECDSA-AES128-SHA256'],
    ['CCM', 'ECDHE-ECDSA-AES128-CCM ECDHE-ECDSA-AES256-CCM ECDHE-ECDSA-AES128-CCM8'],
    ['ARIA and Camellia', 'ECDHE-ARIA128-GCM-SHA256 ECDHE-ECDSA-ARIA256-GCM-SHA384 ECDHE-RSA-CAMELLIA128-SHA256'],
    ['ChaCha20 before TLS 1.3', 'ECDHE-RSA-CHACHA20-POLY1305 ECDHE-ECDSA-CHACHA20-POLY1305'],
    ['finite fields', 'DHE-RSA-AES128-GCM-SHA256 DHE-RSA-AES256-GCM-SHA384 DHE-RSA-CHACHA20-POLY1305'],
    ['no authentication', 'ADH-AES128-GCM-SHA256 AECDH-AES128-SHA'],
    ['no encryption', 'NULL-SHA256 ECDHE-RSA-NULL-SHA'],
  ])('TLS 1.2 with %s is refused: %s', async (_kind, suites) => {
    for (const ciphers of suites.split(' '))
      for (const kind of ['ECDSA', 'RSA'] as const)
        expect([ciphers, await offer(kind, { ...tls12, ciphers })]).toEqual([ciphers, null]);
  });

  test.each(['TLSv1', 'TLSv1.1'] as const)('%s is refused', async (version) => {
    expect(await offer('RSA', { minVersion: version, maxVersion: version })).toBeNull();
  });
});

describe('groups (RFC 9325 §4.2)', () => {
  test.each(['X25519MLKEM768', 'X25519', 'P-256', 'P-384', 'P-521'])('%s is accepted', async (ecdhCurve) => {
    expect(await offer('ECDSA', { ...tls13, ecdhCurve })).not.toBeNull();
  });

  test.each(['secp224r1', 'secp256k1', 'brainpoolP256r1', 'ffdhe2048'])('%s is refused', async (ecdhCurve) => {
    for (const versions of [tls12, tls13]) {
      const outcome = await offer('ECDSA', { ...versions, ecdhCurve }).catch(() => null);
      expect(outcome).toBeNull();
    }
  });
});

describe('signature algorithms (RFC 9155)', () => {
  test.each([
    ['ECDSA', 'ecdsa_secp256r1_sha256'],
    ['RSA', 'rsa_pss_rsae_sha256'],
    ['RSA', 'rsa_pkcs1_sha256'],
  ] as const)('%s: %s is accepted', async (kind, sigalgs) => {
    expect(await offer(kind, { ...tls12, sigalgs })).not.toBeNull();
  });

  test.each([
    ['ECDSA', 'ECDSA+SHA1'],
    ['ECDSA', 'ECDSA+SHA224'],
    ['RSA', 'RSA+SHA1'],
    ['RSA', 'RSA+SHA224'],
  ] as const)('%s: %s is refused', async (kind, sigalgs) => {
    expect(await offer(kind, { ...tls12, sigalgs })).toBeNull();
  });
});
