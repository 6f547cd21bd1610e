import 'reflect-metadata';
import { generateKeyPairSync, type KeyObject, webcrypto } from 'node:crypto';
import { cryptoProvider, X509CertificateGenerator } from '@peculiar/x509';
import type { KeyPair } from '#saml/messages/module.ts';

cryptoProvider.set(webcrypto as Crypto);

export type TestKey = KeyPair & Readonly<{ publicKey: string }>;

/** A key with a self-signed certificate, as an identity provider or a service provider has one. */
export async function samlKey(
  kind: 'RSA 2048' | 'RSA 1024' | 'P-256' = 'RSA 2048',
  name = 'peer',
  notAfter = new Date('2040-01-01'),
): Promise<TestKey> {
  const { privateKey, publicKey } = pairOf(kind);
  const algorithm =
    kind === 'P-256'
      ? { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
      : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const imported = (key: KeyObject, format: 'pkcs8' | 'spki', usage: 'sign' | 'verify') =>
    webcrypto.subtle.importKey(format, key.export({ type: format as 'pkcs8', format: 'der' }), algorithm, true, [
      usage,
    ]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    notBefore: new Date('2020-01-01'),
    notAfter,
    signingAlgorithm: algorithm,
    keys: {
      privateKey: (await imported(privateKey, 'pkcs8', 'sign')) as CryptoKey,
      publicKey: (await imported(publicKey, 'spki', 'verify')) as CryptoKey,
    },
  });
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    certificate: certificate.toString('pem').trim(),
  };
}

function pairOf(kind: 'RSA 2048' | 'RSA 1024' | 'P-256'): { privateKey: KeyObject; publicKey: KeyObject } {
  if (kind === 'P-256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('rsa', { modulusLength: kind === 'RSA 1024' ? 1024 : 2048 });
}
