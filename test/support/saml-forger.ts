import { constants, createPublicKey, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import { DOMParser, XMLSerializer } from '@xmldom/xmldom';
import { SignedXml } from 'xml-crypto';
import { type EncryptOptions, encrypt } from 'xml-encryption';
import { type Received, soapEnvelope } from '#saml/messages/module.ts';
import type { TestKey } from './saml-keys.ts';

const dsig = 'http://www.w3.org/2000/09/xmldsig#';
const samlp = 'urn:oasis:names:tc:SAML:2.0:protocol';
const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const enveloped = `${dsig}enveloped-signature`;

const parse = (xml: string): Document => new DOMParser().parseFromString(xml, 'text/xml');
const print = (node: Node): string => new XMLSerializer().serializeToString(node);

/** The first element of this local name, wherever it stands. */
function find(document: Document, name: string): Element {
  const [found] = Array.from(document.getElementsByTagNameNS('*', name));
  if (!found) throw new Error(`There is no ${name}.`);
  return found;
}

type Signing = {
  /** The local name of the element to sign; the root if it is not given. */
  element?: string;
  algorithm?: string;
  digest?: string;
  canonicalization?: string;
  transforms?: readonly string[];
  /** An empty URI, which means the whole document. */
  isEmptyUri?: boolean;
  /** Prefixes of the canonical form that are kept although nothing uses them. */
  prefixes?: string[];
  /** A second reference to the element of this local name. */
  also?: string;
  /** The certificate for KeyInfo. */
  certificate?: string;
};

/** Algorithms of RFC 9231 that the library does not know. */
const newer = Object.fromEntries(
  [
    ...(['sha256', 'sha384', 'sha512'] as const).map(
      (hash) =>
        [
          `http://www.w3.org/2007/05/xmldsig-more#${hash}-rsa-MGF1`,
          hash,
          { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
        ] as const,
    ),
    ['http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256', 'sha256', { dsaEncoding: 'ieee-p1363' }] as const,
  ].map(([name, hash, options]) => [
    name,
    class {
      getAlgorithmName = () => name;
      getSignature = (text: string, key: string) =>
        sign(hash, Buffer.from(text), { key, ...options }).toString('base64');
      verifySignature = () => false;
    },
  ]),
);

/** Signs any text in any way that the library knows, also in the ways that are refused. */
export function signedBy(key: Pick<TestKey, 'privateKey'>, xml: string, signing: Signing = {}): string {
  const { element, certificate, isEmptyUri = false, also } = signing;
  const signed = new SignedXml({
    privateKey: key.privateKey,
    ...(certificate && { publicCert: certificate }),
    signatureAlgorithm: signing.algorithm ?? 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    canonicalizationAlgorithm: signing.canonicalization ?? exclusive,
  });
  if (signing.algorithm?.includes('hmac')) signed.enableHMAC();
  else Object.assign(signed.SignatureAlgorithms, newer);
  for (const name of [element, ...(also ? [also] : [])])
    signed.addReference({
      xpath: name ? `//*[local-name(.)='${name}']` : '/*',
      transforms: [...(signing.transforms ?? [enveloped, exclusive])],
      digestAlgorithm: signing.digest ?? 'http://www.w3.org/2001/04/xmlenc#sha256',
      isEmptyUri,
      inclusiveNamespacesPrefixList: signing.prefixes ?? [],
    });
  const reference = element
    ? `//*[local-name(.)='${element}']/*[local-name(.)='Issuer']`
    : `/*/*[local-name(.)='Issuer']`;
  signed.computeSignature(xml, { prefix: 'ds', location: { reference, action: 'after' } });
  return signed.getSignedXml();
}

/** The element and what belongs to it, without the signature directly in it. */
function withoutSignature(element: Element): Element {
  const copy = element.cloneNode(true) as Element;
  for (const child of Array.from(copy.childNodes)) if (child.nodeName === 'ds:Signature') copy.removeChild(child);
  return copy;
}

type Wrapping = (document: Document, evil: (element: Element) => Element) => void;

/**
 * The eight classic signature wrappings ("On Breaking SAML", 2012), and three more. `evil` gives the copy with another user. The first two
 * move a signed response, the others a signed assertion.
 */
const wrappings = {
  'XSW 1': (document, evil) => {
    const response = document.documentElement;
    const original = withoutSignature(response);
    const root = evil(response);
    document.replaceChild(root, response);
    find(document, 'Signature').appendChild(original);
  },
  'XSW 2': (document, evil) => {
    const response = document.documentElement;
    const original = withoutSignature(response);
    const root = evil(response);
    document.replaceChild(root, response);
    root.insertBefore(original, find(document, 'Signature'));
  },
  'XSW 3': (document, evil) => {
    const assertion = find(document, 'Assertion');
    document.documentElement.insertBefore(withoutSignature(evil(assertion)), assertion);
  },
  'XSW 4': (document, evil) => {
    const assertion = find(document, 'Assertion');
    const wrapper = withoutSignature(evil(assertion));
    document.documentElement.replaceChild(wrapper, assertion);
    wrapper.appendChild(assertion);
  },
  'XSW 5': (document, evil) => {
    const assertion = find(document, 'Assertion');
    document.documentElement.replaceChild(evil(assertion), assertion);
    document.documentElement.appendChild(withoutSignature(assertion));
  },
  'XSW 6': (document, evil) => {
    const assertion = find(document, 'Assertion');
    const original = withoutSignature(assertion);
    document.documentElement.replaceChild(evil(assertion), assertion);
    find(document, 'Signature').appendChild(original);
  },
  'XSW 7': (document, evil) => {
    const assertion = find(document, 'Assertion');
    const extensions = document.createElementNS(samlp, 'samlp:Extensions');
    document.documentElement.insertBefore(extensions, assertion);
    extensions.appendChild(withoutSignature(evil(assertion)));
  },
  'XSW 8': (document, evil) => {
    const assertion = find(document, 'Assertion');
    const original = withoutSignature(assertion);
    document.documentElement.replaceChild(evil(assertion), assertion);
    const object = document.createElementNS(dsig, 'ds:Object');
    find(document, 'Signature').appendChild(object);
    object.appendChild(original);
  },
  'an assertion after the signed one': (document, evil) => {
    document.documentElement.appendChild(withoutSignature(evil(find(document, 'Assertion'))));
  },
  'a copy with another identifier': (document, evil) => {
    const copy = withoutSignature(evil(find(document, 'Assertion')));
    copy.setAttribute('ID', '_evil');
    document.documentElement.insertBefore(copy, find(document, 'Assertion'));
  },
  'the signed assertion in the advice of another': (document, evil) => {
    const assertion = find(document, 'Assertion');
    const wrapper = withoutSignature(evil(assertion));
    wrapper.setAttribute('ID', '_evil');
    document.documentElement.replaceChild(wrapper, assertion);
    const advice = document.createElementNS(assertion.namespaceURI, 'saml:Advice');
    wrapper.appendChild(advice);
    advice.appendChild(assertion);
  },
} satisfies Record<string, Wrapping>;

export const wrappingNames = Object.keys(wrappings) as (keyof typeof wrappings)[];

/**
 * A signed document in which a library may verify one user and read another one. `renames`: the copy has identifiers of its own, so that the
 * reference of the signature finds the original alone.
 */
export function wrapped(
  name: keyof typeof wrappings,
  xml: string,
  [user, otherUser]: readonly [string, string],
  renames = false,
): string {
  const document = parse(xml);
  const wrapping: Wrapping = wrappings[name];
  wrapping(document, (element) => {
    const changed = print(element).replaceAll(user, otherUser);
    const copy = renames ? changed.replaceAll(' ID="_', ' ID="_evil') : changed;
    return document.importNode(parse(copy).documentElement, true);
  });
  return print(document);
}

/** The names of the algorithms: good ones, those that are taken in signed bytes alone, and those that are never taken. */
const ciphers = {
  gcm: 'http://www.w3.org/2009/xmlenc11#aes256-gcm',
  'gcm 128': 'http://www.w3.org/2009/xmlenc11#aes128-gcm',
  cbc: 'http://www.w3.org/2001/04/xmlenc#aes256-cbc',
  'cbc 128': 'http://www.w3.org/2001/04/xmlenc#aes128-cbc',
  '3des': 'http://www.w3.org/2001/04/xmlenc#tripledes-cbc',
} as const;
const transports: Readonly<Record<'oaep' | 'oaep 1.1' | 'rsa 1.5', string>> = {
  oaep: 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
  'oaep 1.1': 'http://www.w3.org/2009/xmlenc11#rsa-oaep',
  'rsa 1.5': 'http://www.w3.org/2001/04/xmlenc#rsa-1_5',
};

export type Encrypting = {
  cipher?: keyof typeof ciphers;
  transport?: keyof typeof transports;
};

/** An element encrypted by itself, in any way that the library knows. */
export async function encryptedAs(
  wrapper: 'EncryptedAssertion' | 'EncryptedID' | 'EncryptedAttribute',
  xml: string,
  certificate: string,
  { cipher = 'gcm', transport = 'oaep' }: Encrypting = {},
): Promise<string> {
  const encrypted = await promisify<string, EncryptOptions, string>(encrypt)(xml, {
    rsa_pub: createPublicKey(certificate).export({ type: 'spki', format: 'pem' }),
    pem: certificate,
    encryptionAlgorithm: ciphers[cipher],
    // The types of the library do not list the newer one.
    keyEncryptionAlgorithm: transports[transport] as EncryptOptions['keyEncryptionAlgorithm'],
    disallowEncryptionWithInsecureAlgorithm: false,
    warnInsecureAlgorithm: false,
  });
  return `<saml:${wrapper} xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">${encrypted}</saml:${wrapper}>`;
}

/** A message as the binding brings it, without any care. */
export function sentBy(binding: Received['binding'], xml: string, parameter: 'SAMLRequest' | 'SAMLResponse'): Received {
  switch (binding) {
    case 'post':
      return { binding, value: Buffer.from(xml).toString('base64') };
    case 'soap':
      return { binding, body: soapEnvelope(xml) };
    case 'redirect':
      return { binding, query: `${parameter}=${encodeURIComponent(deflateRawSync(xml).toString('base64'))}` };
  }
}
