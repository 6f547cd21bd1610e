import { readAssertion } from './assertion-reading.ts';
import { decryptElement } from './decryption.ts';
import { allElements, elementsIn, isNamed, parseXml, withOuterPrefixes } from './document.ts';
import { passGate } from './gate.ts';
import type {
  Assertion,
  AuthnRequestMessage,
  LogoutRequestMessage,
  LogoutResponseMessage,
  ResponseMessage,
} from './message.ts';
import { messageIn } from './envelope.ts';
import { namespaces, statuses } from './names.ts';
import { readAuthnRequest, readLogoutRequest, readLogoutResponse, readResponseHead } from './protocol-reading.ts';
import { type Opened, verifyQuery } from './received.ts';
import { RefusedMessage } from './refusal.ts';
import { demandSignaturesIn, demandUniqueIds, signatureOf, verifySignature } from './signature.ts';

const { assertion: saml, protocol: samlp } = namespaces;

export type ResponseDemands = Readonly<{
  /** The signing certificates of the identity provider, from its metadata or its settings; each one is tried. */
  certificates: readonly string[];
  /** Our private keys, as PEM; each one is tried. */
  decryptionKeys?: readonly string[];
  /** Whether the response must be signed itself. */
  isResponseSigned?: boolean;
  /** Whether the assertion must be signed itself (default), or a signed response is enough. */
  isAssertionSigned?: boolean;
  /** Whether AES-CBC is accepted in a response that is not signed. In a signed one it always is. */
  allowsCbc?: boolean;
}>;

export type RequestDemands = Readonly<{
  certificates: readonly string[];
  /** Whether an unsigned message is refused. */
  isSigned: boolean;
  /** Our private keys, as PEM, for the name of a user that is encrypted. In an unsigned message none is used. */
  decryptionKeys?: readonly string[];
}>;

/** A message that is one of several in the answer of a status without success. */
type FailedStatus = Readonly<{ status: ResponseMessage['status'] }>;

const messages = ['Response', 'AuthnRequest', 'LogoutRequest', 'LogoutResponse', 'ArtifactResponse', 'ArtifactResolve'];

/**
 * Reads the answer of an identity provider. Every value of the assertion is from bytes that a certificate signed: the assertion
 * or, if that is enough, the response.
 */
export function responseIn(opened: Opened, demands: ResponseDemands): ResponseMessage | FailedStatus {
  const { text, root } = messageRoot(opened, 'Response');
  const outer = assertionsIn(root);
  demandSignaturesIn(root, root, ...outer.filter(({ localName }) => localName === 'Assertion'));
  const isSigned = signatureOf(root) !== null;
  const canonical = isSigned ? canonicalRoot(text, root, demands.certificates) : root;
  const head = readResponseHead(canonical);
  if (head.status.code !== statuses.success) return { status: head.status };
  if (demands.isResponseSigned && !isSigned) throw new RefusedMessage('response_unsigned');
  if (outer.length !== 1) throw new RefusedMessage('assertion_count');

  const encrypted = assertionsIn(canonical).find(({ localName }) => localName === 'EncryptedAssertion');
  const source = encrypted
    ? decryptedAssertion(encrypted, demands, isSigned)
    : { text, element: outer[0] as Element, signedByResponse: isSigned ? assertionsIn(canonical)[0] : undefined };
  return { ...head, isSigned, isEncrypted: encrypted !== undefined, ...verifiedAssertion(source, demands) };
}

type Source = Readonly<{ text: string; element: Element; signedByResponse: Element | undefined }>;

function verifiedAssertion(
  { text, element, signedByResponse }: Source,
  { certificates, decryptionKeys = [], isAssertionSigned: isDemanded = true }: ResponseDemands,
): { assertion: Assertion; isAssertionSigned: boolean } {
  if (signatureOf(element) !== null)
    return {
      assertion: readAssertion(canonicalRoot(text, element, certificates), decryptionKeys),
      isAssertionSigned: true,
    };
  if (isDemanded) throw new RefusedMessage('assertion_unsigned');
  if (signedByResponse === undefined) throw new RefusedMessage('unsigned');
  return { assertion: readAssertion(signedByResponse, decryptionKeys), isAssertionSigned: false };
}

/** The signer of a response vouches for the encrypted assertion in it; in an unsigned one, the assertion must be signed itself. */
function decryptedAssertion(
  encrypted: Element,
  { decryptionKeys = [], allowsCbc = false }: ResponseDemands,
  isSigned: boolean,
): Source {
  const decrypted = passGate(decryptElement(encrypted, { decryptionKeys, allowsCbc: allowsCbc || isSigned }));
  const text = withOuterPrefixes(decrypted, encrypted);
  const element = parseXml(text);
  demandName(element, saml, 'Assertion');
  demandUniqueIds(element);
  if (assertionsIn(element).length > 0) throw new RefusedMessage('assertion_count');
  demandSignaturesIn(element, element);
  return { text, element, signedByResponse: isSigned ? element : undefined };
}

/** The assertions in the element, wherever they stand. They must be ones of SAML, and directly in it. */
function assertionsIn(element: Element): Element[] {
  const found = allElements(element)
    .slice(1)
    .filter(({ localName }) => localName === 'Assertion' || localName === 'EncryptedAssertion');
  for (const each of found) {
    if (each.namespaceURI !== saml) throw new RefusedMessage('wrong_namespace');
    if (each.parentNode !== element) throw new RefusedMessage('assertion_count');
  }
  return found;
}

/** Reads a request to sign in. One without a signature is read as it is, if none is demanded. */
export function authnRequestIn(opened: Opened, demands: RequestDemands): AuthnRequestMessage {
  const { element, isSigned } = verifiedMessage(opened, 'AuthnRequest', demands);
  return { ...readAuthnRequest(element), isSigned };
}

/** Reads a request to sign out. */
export function logoutRequestIn(opened: Opened, demands: RequestDemands): LogoutRequestMessage {
  const { element, isSigned } = verifiedMessage(opened, 'LogoutRequest', demands);
  return readLogoutRequest(element, isSigned ? (demands.decryptionKeys ?? []) : []);
}

/** Reads an answer to a request to sign out. */
export function logoutResponseIn(opened: Opened, demands: RequestDemands): LogoutResponseMessage {
  return readLogoutResponse(verifiedMessage(opened, 'LogoutResponse', demands).element);
}

function verifiedMessage(
  opened: Opened,
  name: string,
  { certificates, isSigned: isDemanded }: RequestDemands,
): { element: Element; isSigned: boolean } {
  const { text, root } = messageRoot(opened, name);
  const isRedirect = opened.binding === 'redirect';
  // SAML Bindings §3.4.4.1: a message in a query is signed with the query alone.
  if (isRedirect) demandSignaturesIn(root);
  else demandSignaturesIn(root, root);
  const hasSignature = isRedirect ? opened.querySignature !== null : signatureOf(root) !== null;
  if (!hasSignature && isDemanded) throw new RefusedMessage('unsigned');
  // Without a certificate a signature says nothing, and the message counts as unsigned.
  if (!hasSignature || (certificates.length === 0 && !isDemanded)) return { element: root, isSigned: false };
  if (opened.querySignature) {
    verifyQuery(opened.querySignature, certificates);
    return { element: root, isSigned: true };
  }
  return { element: canonicalRoot(text, root, certificates), isSigned: true };
}

function messageRoot(opened: Opened, name: string): { text: string; root: Element } {
  const text = opened.binding === 'soap' ? messageIn(opened.text) : opened.text;
  const root = parseXml(text);
  demandName(root, samlp, name);
  demandUniqueIds(root);
  if (
    allElements(root)
      .slice(1)
      .some(({ localName }) => messages.includes(localName))
  )
    throw new RefusedMessage('nested_message');
  return { text, root };
}

/** The element again, from the bytes that were signed. */
function canonicalRoot(text: string, element: Element, certificates: readonly string[]): Element {
  const canonical = parseXml(passGate(verifySignature(text, element, certificates)));
  demandName(canonical, element.namespaceURI ?? '', element.localName);
  if (elementsIn(canonical).length === 0) throw new RefusedMessage('signature_reference');
  return canonical;
}

function demandName(element: Element, namespace: string, name: string): void {
  if (element.localName !== name) throw new RefusedMessage('wrong_message');
  if (!isNamed(element, namespace, name)) throw new RefusedMessage('wrong_namespace');
}
