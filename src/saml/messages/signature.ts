import { SignedXml } from 'xml-crypto';
import {
  envelopedSignature,
  exclusiveCanonicalization,
  isDigest,
  isSignatureAlgorithm,
  restrictAlgorithms,
} from './algorithms.ts';
import { verificationKeys } from './certificate.ts';
import { allElements, attributeOf, elementsIn, isNamed } from './document.ts';
import { PREFIX_LIST_LENGTH } from './limits.ts';
import { namespaces } from './names.ts';
import { RefusedMessage } from './refusal.ts';

/** Refuses a document with the same identifier twice: two readers may find different elements by it. */
export function demandUniqueIds(root: Element): void {
  const seen = new Set<string>();
  for (const element of allElements(root))
    for (const { localName, value } of Array.from(element.attributes)) {
      if (localName?.toLowerCase() !== 'id') continue;
      if (seen.has(value)) throw new RefusedMessage('duplicate_id');
      seen.add(value);
    }
}

/** The signature directly in the element, which covers the element; null if there is none. */
export function signatureOf(element: Element): Element | null {
  const [first = null, ...others] = elementsIn(element).filter(({ localName }) => localName === 'Signature');
  if (first && !isNamed(first, namespaces.signature, 'Signature')) throw new RefusedMessage('wrong_namespace');
  if (others.length > 0) throw new RefusedMessage('signature_place');
  return first;
}

/** Refuses signatures anywhere but directly in one of these elements: wrapped ones stand elsewhere. */
export function demandSignaturesIn(root: Element, ...places: readonly Element[]): void {
  const astray = allElements(root).some(
    (element) => element.localName === 'Signature' && !places.includes(element.parentNode as Element),
  );
  if (astray) throw new RefusedMessage('signature_place');
}

/**
 * Verifies the signature directly in `element` with the given certificates alone; a key in the message counts for nothing.
 * `text` is the document. The answer is the canonical text of the element without its signature.
 */
export function verifySignature(text: string, element: Element, certificates: readonly string[]): string {
  const signature = signatureOf(element);
  if (signature === null) throw new RefusedMessage('unsigned');
  demandForm(signature, idOf(element));
  const keys = verificationKeys(certificates);
  for (const key of keys) {
    const signed = new SignedXml({ publicCert: key, getCertFromKeyInfo: () => null });
    restrictAlgorithms(signed);
    signed.idAttributes = ['ID'];
    const [canonical, ...others] = signedBy(signed, text, signature);
    if (canonical && others.length === 0) return canonical;
  }
  throw new RefusedMessage('signature_wrong');
}

/** The library throws where the signature is wrong, and answers false where a digest is. */
function signedBy(signed: SignedXml, text: string, signature: Element): string[] {
  try {
    signed.loadSignature(signature);
    return signed.checkSignature(text) ? signed.getSignedReferences() : [];
  } catch {
    return [];
  }
}

function idOf(element: Element): string {
  const id = attributeOf(element, 'ID');
  if (id === null || !/^[A-Za-z_][\w.-]{0,255}$/.test(id)) throw new RefusedMessage('no_id');
  return id;
}

/** Exactly the form that SAML Core §5.4 describes, before the library looks for anything in it by name. */
function demandForm(signature: Element, id: string): void {
  const [signedInfo, value, ...rest] = elementsIn(signature);
  const isWhole =
    isPart(signedInfo, 'SignedInfo') &&
    isPart(value, 'SignatureValue') &&
    rest.length <= 1 &&
    rest.every((each) => isPart(each, 'KeyInfo'));
  const [canonicalization, method, reference, ...others] = isWhole && signedInfo ? elementsIn(signedInfo) : [];
  if (
    !isPart(canonicalization, 'CanonicalizationMethod') ||
    !isPart(method, 'SignatureMethod') ||
    !isPart(reference, 'Reference')
  )
    throw new RefusedMessage('signature_form');
  if (others.length > 0 || attributeOf(reference, 'URI') !== `#${id}`) throw new RefusedMessage('signature_reference');
  if (attributeOf(canonicalization, 'Algorithm') !== exclusiveCanonicalization)
    throw new RefusedMessage('signature_transform');
  if (!isSignatureAlgorithm(attributeOf(method, 'Algorithm') ?? '')) throw new RefusedMessage('signature_algorithm');
  demandReference(reference);
}

function demandReference(reference: Element): void {
  const [transforms, digest, value, ...others] = elementsIn(reference);
  if (
    !isPart(transforms, 'Transforms') ||
    !isPart(digest, 'DigestMethod') ||
    !isPart(value, 'DigestValue') ||
    others.length > 0
  )
    throw new RefusedMessage('signature_form');
  if (
    !elementsIn(transforms).every((transform) => elementsIn(transform).every((each) => isPrefixList(each, transform)))
  )
    throw new RefusedMessage('signature_transform');
  const [first, second, ...more] = elementsIn(transforms).map((transform) => attributeOf(transform, 'Algorithm'));
  if (first !== envelopedSignature || second !== exclusiveCanonicalization || more.length > 0)
    throw new RefusedMessage('signature_transform');
  if (!isDigest(attributeOf(digest, 'Algorithm') ?? '')) throw new RefusedMessage('signature_algorithm');
}

/** xml-crypto writes the list into each transform, in the namespace of the transform. */
function isPrefixList(parameter: Element, transform: Element): boolean {
  return (
    isNamed(parameter, attributeOf(transform, 'Algorithm') ?? '', 'InclusiveNamespaces') &&
    (attributeOf(parameter, 'PrefixList') ?? '').length <= PREFIX_LIST_LENGTH
  );
}

function isPart(element: Element | undefined, name: string): element is Element {
  return element !== undefined && isNamed(element, namespaces.signature, name);
}
