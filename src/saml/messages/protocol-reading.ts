import { readNameId, readSubject } from './assertion-reading.ts';
import {
  attributeOf,
  booleanAttribute,
  child,
  children,
  childText,
  indexAttribute,
  requiredAttribute,
  requiredTime,
  textOf,
  timeAttribute,
} from './document.ts';
import type {
  AuthnRequestMessage,
  LogoutRequestMessage,
  LogoutResponseMessage,
  ResponseMessage,
  Status,
} from './message.ts';
import { namespaces } from './names.ts';
import { RefusedMessage } from './refusal.ts';

const { assertion: saml, protocol: samlp } = namespaces;

function readHead(element: Element) {
  return {
    id: requiredAttribute(element, 'ID'),
    version: requiredAttribute(element, 'Version'),
    issueInstant: requiredTime(element, 'IssueInstant'),
    issuer: childText(element, saml, 'Issuer'),
    destination: attributeOf(element, 'Destination'),
  };
}

/** The members of a response outside its assertion. */
export function readResponseHead(
  element: Element,
): Omit<ResponseMessage, 'assertion' | 'isSigned' | 'isAssertionSigned' | 'isEncrypted'> {
  return { ...readHead(element), inResponseTo: attributeOf(element, 'InResponseTo'), status: readStatus(element) };
}

/** Reads a request to sign a user in. */
export function readAuthnRequest(element: Element): Omit<AuthnRequestMessage, 'isSigned'> {
  const policy = child(element, samlp, 'NameIDPolicy');
  const context = child(element, samlp, 'RequestedAuthnContext');
  const subject = child(element, saml, 'Subject');
  return {
    ...readHead(element),
    forceAuthn: booleanAttribute(element, 'ForceAuthn'),
    isPassive: booleanAttribute(element, 'IsPassive'),
    assertionConsumerServiceUrl: attributeOf(element, 'AssertionConsumerServiceURL'),
    assertionConsumerServiceIndex: indexAttribute(element, 'AssertionConsumerServiceIndex'),
    protocolBinding: attributeOf(element, 'ProtocolBinding'),
    nameIdPolicy: policy && {
      format: attributeOf(policy, 'Format'),
      spNameQualifier: attributeOf(policy, 'SPNameQualifier'),
      allowCreate: booleanAttribute(policy, 'AllowCreate'),
    },
    requestedAuthnContext: context && {
      comparison: attributeOf(context, 'Comparison') ?? 'exact',
      classes: children(context, saml, 'AuthnContextClassRef').map((each) => textOf(each).trim()),
    },
    subject: subject && readNameId(subject),
  };
}

/** Reads a request to sign a user out. The keys decrypt the name of the user in a signed one. */
export function readLogoutRequest(element: Element, decryptionKeys: readonly string[]): LogoutRequestMessage {
  const nameId = readSubject(element, decryptionKeys);
  if (nameId === null) throw new RefusedMessage('no_subject');
  return {
    ...readHead(element),
    nameId,
    sessionIndexes: children(element, samlp, 'SessionIndex').map((each) => textOf(each).trim()),
    notOnOrAfter: timeAttribute(element, 'NotOnOrAfter'),
    reason: attributeOf(element, 'Reason'),
  };
}

/** Reads the answer to a request to sign a user out. */
export function readLogoutResponse(element: Element): LogoutResponseMessage {
  return { ...readHead(element), inResponseTo: attributeOf(element, 'InResponseTo'), status: readStatus(element) };
}

/** The outer code says whose fault it is; the one in it says why. */
function readStatus(element: Element): Status {
  const status = child(element, samlp, 'Status');
  const code = status && child(status, samlp, 'StatusCode');
  if (!status || !code) throw new RefusedMessage('malformed');
  const inner = child(code, samlp, 'StatusCode');
  return {
    code: requiredAttribute(code, 'Value'),
    subcode: inner && attributeOf(inner, 'Value'),
    message: childText(status, samlp, 'StatusMessage'),
  };
}
