import { createPrivateKey, type KeyObject } from 'node:crypto';
import { SignedXml } from 'xml-crypto';
import {
  envelopedSignature,
  exclusiveCanonicalization,
  restrictAlgorithms,
  rsaSha256,
  sha256Digest,
} from './algorithms.ts';
import type { KeyPair } from './message.ts';

const CACHED_LENGTH = 100;
const parsed = new Map<string, KeyObject>();

/** The private key of PEM text, parsed once. */
export function privateKeyOf(pem: string): KeyObject {
  const known = parsed.get(pem);
  if (known) return known;
  const key = createPrivateKey(pem);
  if (parsed.size >= CACHED_LENGTH) parsed.clear();
  parsed.set(pem, key);
  return key;
}

/** Signs the root of a document of ours. The signature stands after the issuer, or first where there is none (SAML Core §5.4). */
export function signXml(xml: string, { privateKey, certificate }: KeyPair): Promise<string> {
  const signed = new SignedXml({
    privateKey: privateKeyOf(privateKey),
    publicCert: certificate,
    signatureAlgorithm: rsaSha256,
    canonicalizationAlgorithm: exclusiveCanonicalization,
  });
  restrictAlgorithms(signed);
  signed.idAttributes = ['ID'];
  signed.addReference({
    xpath: '/*',
    transforms: [envelopedSignature, exclusiveCanonicalization],
    digestAlgorithm: sha256Digest,
  });
  const hasIssuer = /^<[^>]*>\s*<([\w-]+:)?Issuer\b/.test(xml);
  const location = hasIssuer
    ? { reference: "/*/*[local-name(.)='Issuer']", action: 'after' as const }
    : { reference: '/*', action: 'prepend' as const };
  return new Promise((resolve, reject) => {
    signed.computeSignature(xml, { prefix: 'ds', location }, (error) =>
      error ? reject(error) : resolve(signed.getSignedXml()),
    );
  });
}
