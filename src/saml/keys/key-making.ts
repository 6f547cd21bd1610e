import { generateKeyPair, webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import { type KeyPair, readCertificate } from '#saml/messages/module.ts';
import { CERTIFICATE_BEGIN, CERTIFICATE_LIFETIME } from './lifetimes.ts';
import type { KeyUse } from './key-uses.ts';

const generate = promisify(generateKeyPair);
const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };

/** With the id under which it is kept: the fingerprint of the certificate. */
export type MadeKey = KeyPair & Readonly<{ id: string }>;

/** A new RSA key with a self-signed certificate. The libraries of certificates are loaded here, when they are needed. */
export async function makeKey(use: KeyUse, host: string, now: Date): Promise<MadeKey> {
  // The library of certificates is built with decorators that need it.
  await import('reflect-metadata');
  const { cryptoProvider, X509CertificateGenerator } = await import('@peculiar/x509');
  cryptoProvider.set(webcrypto as Crypto);
  const { privateKey, publicKey } = await generate('rsa', { modulusLength: 2048 });
  const [signing, verifying] = await Promise.all([
    webcrypto.subtle.importKey('pkcs8', privateKey.export({ type: 'pkcs8', format: 'der' }), algorithm, true, ['sign']),
    webcrypto.subtle.importKey('spki', publicKey.export({ type: 'spki', format: 'der' }), algorithm, true, ['verify']),
  ]);
  const made = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [`SAML ${use} ${host}`] }],
    notBefore: new Date(now.getTime() - CERTIFICATE_BEGIN),
    notAfter: new Date(now.getTime() + CERTIFICATE_LIFETIME),
    signingAlgorithm: algorithm,
    keys: { privateKey: signing as CryptoKey, publicKey: verifying as CryptoKey },
  });
  const facts = readCertificate(made.toString('pem'));
  if (!facts) throw new Error('A new certificate cannot be read.');
  return {
    id: facts.fingerprint,
    certificate: facts.pem,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}
