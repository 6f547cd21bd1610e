import {
  attributeOf,
  child,
  children,
  childText,
  elementsIn,
  isNamed,
  requiredAttribute,
  requiredTime,
  textOf,
  timeAttribute,
} from './document.ts';
import { decryptedPart } from './encrypted-parts.ts';
import type { Assertion, Attribute, AuthnStatement, NameId, SubjectConfirmation } from './message.ts';
import { namespaces } from './names.ts';
import { RefusedMessage } from './refusal.ts';

const { assertion: saml } = namespaces;

/** Reads an assertion from the signed bytes; `element` is their root. The keys decrypt the parts of it that are encrypted by themselves. */
export function readAssertion(element: Element, decryptionKeys: readonly string[]): Assertion {
  const subject = child(element, saml, 'Subject');
  const issuer = childText(element, saml, 'Issuer');
  if (issuer === null) throw new RefusedMessage('malformed');
  return {
    id: requiredAttribute(element, 'ID'),
    version: requiredAttribute(element, 'Version'),
    issueInstant: requiredTime(element, 'IssueInstant'),
    issuer,
    nameId: subject && readSubject(subject, decryptionKeys),
    confirmations: subject ? children(subject, saml, 'SubjectConfirmation').map(readConfirmation) : [],
    conditions: readConditions(child(element, saml, 'Conditions')),
    authnStatements: children(element, saml, 'AuthnStatement').map(readAuthnStatement),
    attributes: children(element, saml, 'AttributeStatement').flatMap((statement) =>
      attributesIn(statement, decryptionKeys),
    ),
  };
}

/** The NameID directly in an element of signed bytes, encrypted or not; null if there is none. */
export function readSubject(parent: Element, decryptionKeys: readonly string[]): NameId | null {
  const encrypted = child(parent, saml, 'EncryptedID');
  if (encrypted === null) return readNameId(parent);
  if (child(parent, saml, 'NameID') !== null) throw new RefusedMessage('malformed');
  return nameIdOf(decryptedPart(encrypted, 'NameID', decryptionKeys));
}

/** The NameID directly in the element; null if there is none, or if it is encrypted by itself. */
export function readNameId(parent: Element): NameId | null {
  const element = child(parent, saml, 'NameID');
  return element && nameIdOf(element);
}

/** The value exactly as it was signed: with white space around it, it may name another user. */
function nameIdOf(element: Element): NameId {
  const value = textOf(element);
  if (value.trim() === '') throw new RefusedMessage('malformed');
  return {
    value,
    format: attributeOf(element, 'Format'),
    nameQualifier: attributeOf(element, 'NameQualifier'),
    spNameQualifier: attributeOf(element, 'SPNameQualifier'),
  };
}

function readConfirmation(element: Element): SubjectConfirmation {
  const data = child(element, saml, 'SubjectConfirmationData');
  return {
    method: requiredAttribute(element, 'Method'),
    recipient: data && attributeOf(data, 'Recipient'),
    notBefore: data && timeAttribute(data, 'NotBefore'),
    notOnOrAfter: data && timeAttribute(data, 'NotOnOrAfter'),
    inResponseTo: data && attributeOf(data, 'InResponseTo'),
  };
}

/** The conditions of SAML Core §2.5.1. OneTimeUse holds for every assertion here; ProxyRestriction is about assertions made from this one. */
const conditions: readonly string[] = ['AudienceRestriction', 'OneTimeUse', 'ProxyRestriction'];

/** An assertion with a condition that is not understood is not valid (SAML Core §2.5.1.1). */
function readConditions(element: Element | null): Assertion['conditions'] {
  if (element === null) return null;
  const isKnown = (each: Element): boolean => conditions.some((name) => isNamed(each, saml, name));
  if (!elementsIn(element).every(isKnown)) throw new RefusedMessage('condition');
  return {
    notBefore: timeAttribute(element, 'NotBefore'),
    notOnOrAfter: timeAttribute(element, 'NotOnOrAfter'),
    audienceRestrictions: children(element, saml, 'AudienceRestriction').map((restriction) =>
      children(restriction, saml, 'Audience').map((audience) => textOf(audience).trim()),
    ),
  };
}

function readAuthnStatement(element: Element): AuthnStatement {
  const context = child(element, saml, 'AuthnContext');
  return {
    authnInstant: requiredTime(element, 'AuthnInstant'),
    sessionIndex: attributeOf(element, 'SessionIndex'),
    sessionNotOnOrAfter: timeAttribute(element, 'SessionNotOnOrAfter'),
    contextClass: context && childText(context, saml, 'AuthnContextClassRef'),
  };
}

function attributesIn(statement: Element, decryptionKeys: readonly string[]): Attribute[] {
  return elementsIn(statement).flatMap((each) => {
    if (isNamed(each, saml, 'Attribute')) return [readAttribute(each)];
    if (!isNamed(each, saml, 'EncryptedAttribute')) return [];
    return [readAttribute(decryptedPart(each, 'Attribute', decryptionKeys))];
  });
}

function readAttribute(element: Element): Attribute {
  return {
    name: requiredAttribute(element, 'Name'),
    nameFormat: attributeOf(element, 'NameFormat'),
    friendlyName: attributeOf(element, 'FriendlyName'),
    values: children(element, saml, 'AttributeValue')
      .map(valueOf)
      .filter((value) => value.trim() !== ''),
  };
}

/** eduPersonTargetedID holds a NameID. A value of other elements has no text that anybody could map. */
function valueOf(element: Element): string {
  const [inner, ...others] = elementsIn(element);
  if (inner === undefined) return element.textContent ?? '';
  return others.length === 0 ? (readNameId(element)?.value ?? '') : '';
}
