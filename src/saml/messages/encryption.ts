import { type EncryptOptions, encrypt } from 'xml-encryption';
import { createPublicKey } from 'node:crypto';
import { namespaces } from './names.ts';

/** Encrypts a signed assertion for the holder of the certificate: AES-256-GCM, with a key under RSA-OAEP. */
export function encryptAssertion(assertion: string, certificate: string): Promise<string> {
  const options: EncryptOptions = {
    rsa_pub: createPublicKey(certificate).export({ type: 'spki', format: 'pem' }),
    pem: certificate,
    encryptionAlgorithm: 'http://www.w3.org/2009/xmlenc11#aes256-gcm',
    // Its SHA-1 needs no resistance to collisions, and it is the only OAEP that all products know.
    keyEncryptionAlgorithm: 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
  };
  return new Promise((resolve, reject) => {
    encrypt(assertion, options, (error: Error | null, result) =>
      error
        ? reject(error)
        : resolve(`<saml:EncryptedAssertion xmlns:saml="${namespaces.assertion}">${result}</saml:EncryptedAssertion>`),
    );
  });
}
