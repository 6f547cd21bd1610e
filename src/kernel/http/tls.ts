/** TLS of the built-in listener: versions, cipher suites, groups and signature algorithms, and its certificates. */
import { constants } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerOptions } from 'node:https';
import { ConfigError, type Config } from '../config.ts';

/**
 * All suites of TLS 1.3 (RFC 8446 §B.4, without CCM), and of TLS 1.2 those that BCP 195 (RFC 9325 §4.2) recommends and FAPI 2.0
 * Security Profile §5.2.2 permits: an ephemeral key and AES-GCM. A listener does not know its client yet, so there is one list for all of
 * them; ChaCha20-Poly1305 comes with TLS 1.3.
 */
const cipherSuites = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
];

/** RFC 9325 §4.2 and §4.3: groups of at least 128 bits; the first one also resists quantum computers. */
const groups = ['X25519MLKEM768', 'X25519', 'P-256', 'P-384', 'P-521'];

/** For handshakes and certificates of clients: nothing on SHA-1 or SHA-224 (RFC 9155). */
const signatureAlgorithms = [
  'ecdsa_secp256r1_sha256',
  'ecdsa_secp384r1_sha384',
  'ecdsa_secp521r1_sha512',
  'ed25519',
  'rsa_pss_rsae_sha256',
  'rsa_pss_rsae_sha384',
  'rsa_pss_rsae_sha512',
  'rsa_pss_pss_sha256',
  'rsa_pss_pss_sha384',
  'rsa_pss_pss_sha512',
  'rsa_pkcs1_sha256',
  'rsa_pkcs1_sha384',
  'rsa_pkcs1_sha512',
];

/** The options of Node's TLS server. Throws ConfigError that names the variable of a file that cannot be read. */
export function tlsOptions({ certFile, keyFile, clientCaFile }: NonNullable<Config['tls']>): ServerOptions {
  const asksClients = clientCaFile !== undefined;
  // Without an authority no certificate is trusted, not even by the machine's authorities for servers.
  const ca = asksClients ? { ca: clientCaFile === 'optional_no_ca' ? [] : readPem('TLS_CLIENT_CA', clientCaFile) } : {};
  return {
    cert: readPem('TLS_CERT', certFile),
    key: readPem('TLS_KEY', keyFile),
    minVersion: 'TLSv1.2',
    ciphers: cipherSuites.join(':'),
    ecdhCurve: groups.join(':'),
    sigalgs: signatureAlgorithms.join(':'),
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    // A user's browser has no certificate; whether one that is shown is vouched for is asked where it is used.
    requestCert: asksClients,
    rejectUnauthorized: false,
    ...ca,
  };
}

function readPem(variable: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new ConfigError(`${variable} names a file that cannot be read: ${file}`, { cause });
  }
}
