import { type BinaryLike, constants, createHash, type KeyLike, type KeyObject, sign, verify } from 'node:crypto';
import {
  createOptionalCallbackFunction,
  type ErrorFirstCallback,
  type HashAlgorithm,
  type SignatureAlgorithm,
  type SignedXml,
} from 'xml-crypto';

type Hash = 'sha256' | 'sha384' | 'sha512';
type Scheme = Readonly<{ hash: Hash; key: 'rsa' | 'ec'; padding?: number }>;

const PSS = constants.RSA_PKCS1_PSS_PADDING;

/** The algorithms that are accepted, by their names in XML Signature and RFC 9231. There is no SHA-1 and no HMAC. */
const signatureSchemes: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  ['http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', { hash: 'sha256', key: 'rsa' }],
  ['http://www.w3.org/2001/04/xmldsig-more#rsa-sha384', { hash: 'sha384', key: 'rsa' }],
  ['http://www.w3.org/2001/04/xmldsig-more#rsa-sha512', { hash: 'sha512', key: 'rsa' }],
  ['http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1', { hash: 'sha256', key: 'rsa', padding: PSS }],
  ['http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1', { hash: 'sha384', key: 'rsa', padding: PSS }],
  ['http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1', { hash: 'sha512', key: 'rsa', padding: PSS }],
  ['http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256', { hash: 'sha256', key: 'ec' }],
  ['http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384', { hash: 'sha384', key: 'ec' }],
  ['http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512', { hash: 'sha512', key: 'ec' }],
]);

const digests: ReadonlyMap<string, Hash> = new Map<string, Hash>([
  ['http://www.w3.org/2001/04/xmlenc#sha256', 'sha256'],
  ['http://www.w3.org/2001/04/xmldsig-more#sha384', 'sha384'],
  ['http://www.w3.org/2001/04/xmlenc#sha512', 'sha512'],
]);

export const exclusiveCanonicalization = 'http://www.w3.org/2001/10/xml-exc-c14n#';
export const envelopedSignature = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';
/** For signatures of our own: every product understands it. */
export const rsaSha256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';
export const sha256Digest = 'http://www.w3.org/2001/04/xmlenc#sha256';

/** The algorithms of `SignedXml`: of its own, only the exclusive canonicalization and the removal of the signature are kept. */
export function restrictAlgorithms(signed: SignedXml): void {
  const { CanonicalizationAlgorithms: known } = signed;
  const kept = [exclusiveCanonicalization, envelopedSignature].map((name) => [name, known[name]] as const);
  signed.CanonicalizationAlgorithms = Object.fromEntries(kept.flatMap(([name, each]) => (each ? [[name, each]] : [])));
  signed.SignatureAlgorithms = xmlSignatures;
  signed.HashAlgorithms = xmlDigests;
}

const xmlSignatures = Object.fromEntries([...signatureSchemes.keys()].map((name) => [name, xmlSignature(name)]));

function xmlSignature(name: string): new () => SignatureAlgorithm {
  return class {
    getAlgorithmName = () => name;
    verifySignature = createOptionalCallbackFunction((bytes: string, key: KeyLike, signature: string): boolean =>
      isSignatureOf(Buffer.from(bytes), name, key as KeyObject, Buffer.from(signature, 'base64')),
    );
    getSignature(bytes: BinaryLike, key: KeyLike): string;
    getSignature(bytes: BinaryLike, key: KeyLike, callback?: ErrorFirstCallback<string>): void;
    getSignature(bytes: BinaryLike, key: KeyLike, callback?: ErrorFirstCallback<string>): string {
      if (callback === undefined) throw new Error('Signatures are made on the thread pool, with a callback.');
      signBytes(Buffer.from(String(bytes)), name, key as KeyObject).then(
        (signature) => callback(null, signature.toString('base64')),
        (error: Error) => callback(error),
      );
      return '';
    }
  };
}

const xmlDigests = Object.fromEntries(
  [...digests].map(([name, hash]) => [
    name,
    class implements HashAlgorithm {
      getAlgorithmName = () => name;
      getHash = (bytes: string): string => createHash(hash).update(bytes).digest('base64');
    },
  ]),
);

/** Whether signatures of this algorithm are accepted. */
export const isSignatureAlgorithm = (name: string): boolean => signatureSchemes.has(name);
/** Whether digests of this algorithm are accepted. */
export const isDigest = (name: string): boolean => digests.has(name);

/** Whether the signature of these bytes is right. False, too, if the key is of another kind than the algorithm. */
export function isSignatureOf(bytes: Buffer, algorithm: string, key: KeyObject, signature: Buffer): boolean {
  const scheme = signatureSchemes.get(algorithm);
  if (scheme === undefined || key.asymmetricKeyType !== scheme.key) return false;
  return verify(scheme.hash, bytes, keyInput(scheme, key), signature);
}

/** Signs on the thread pool: an RSA key of 3072 bits takes 3 ms. */
export function signBytes(bytes: Buffer, algorithm: string, key: KeyObject): Promise<Buffer> {
  const scheme = signatureSchemes.get(algorithm);
  if (scheme === undefined) throw new Error(`There is no signature algorithm ${algorithm}.`);
  return new Promise((resolve, reject) => {
    sign(scheme.hash, bytes, keyInput(scheme, key), (error, signature) => (error ? reject(error) : resolve(signature)));
  });
}

function keyInput({ key: kind, padding }: Scheme, key: KeyObject) {
  // XML Signature §6.4.3: r and s as they are, not in ASN.1.
  if (kind === 'ec') return { key, dsaEncoding: 'ieee-p1363' as const };
  return padding === undefined ? { key } : { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}
