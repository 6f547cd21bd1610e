import { readCertificate } from './certificate.ts';
import {
  allElements,
  attributeOf,
  booleanAttribute,
  child,
  children,
  indexAttribute,
  isNamed,
  parseXml,
  requiredAttribute,
  textOf,
  timeAttribute,
} from './document.ts';
import { passMetadataGate } from './gate.ts';
import { METADATA_BYTES } from './limits.ts';
import type {
  Endpoint,
  EntityMetadata,
  IdentityProviderMetadata,
  IndexedEndpoint,
  ServiceProviderMetadata,
} from './metadata.ts';
import { namespaces } from './names.ts';
import { RefusedMessage } from './refusal.ts';
import { demandUniqueIds, verifySignature } from './signature.ts';

const { metadata: md, signature: dsig } = namespaces;

export type MetadataDemands = Readonly<{
  now: Date;
  /** The entity to read, where the document describes several. */
  entityId?: string | undefined;
  /** The certificates of the publisher. If there are any, the document must be signed with one of them. */
  certificates?: readonly string[] | undefined;
}>;

/** Comments are taken out before, because people write them into metadata. Nothing is read that is not in its place. */
export function metadataIn(document: string, { now, entityId, certificates = [] }: MetadataDemands): EntityMetadata {
  if (Buffer.byteLength(document) > METADATA_BYTES) throw new RefusedMessage('too_large');
  const text = passMetadataGate(document.replace(/^\u{FEFF}/u, ''));
  const root = parseXml(text);
  demandUniqueIds(root);
  const isSigned = certificates.length > 0;
  const trusted = isSigned ? parseXml(passMetadataGate(verifySignature(text, root, certificates))) : root;
  const entity = entityIn(trusted, entityId);
  const validUntil = earliest(timeAttribute(trusted, 'validUntil'), timeAttribute(entity, 'validUntil'));
  if (validUntil && validUntil <= now) throw new RefusedMessage('metadata_expired');
  const identityProvider = roleOf(entity, 'IDPSSODescriptor');
  const serviceProvider = roleOf(entity, 'SPSSODescriptor');
  if (!identityProvider && !serviceProvider) throw new RefusedMessage('no_role');
  return {
    entityId: requiredAttribute(entity, 'entityID'),
    validUntil,
    isSigned,
    identityProvider: identityProvider && readIdentityProvider(identityProvider),
    serviceProvider: serviceProvider && readServiceProvider(serviceProvider),
  };
}

function entityIn(root: Element, entityId: string | undefined): Element {
  const entities = allElements(root).filter((each) => isNamed(each, md, 'EntityDescriptor'));
  const isRoot = isNamed(root, md, 'EntityDescriptor') || isNamed(root, md, 'EntitiesDescriptor');
  if (!isRoot || entities.length === 0) throw new RefusedMessage('wrong_message');
  const wanted = entities.filter((each) => entityId === undefined || attributeOf(each, 'entityID') === entityId);
  const [entity, ...others] = wanted;
  if (entity === undefined) throw new RefusedMessage('entity_not_found');
  if (others.length > 0) throw new RefusedMessage('several_entities');
  return entity;
}

/** One descriptor for SAML 2.0; others are for older protocols. */
function roleOf(entity: Element, name: string): Element | null {
  const roles = children(entity, md, name).filter((role) =>
    (attributeOf(role, 'protocolSupportEnumeration') ?? '').split(/\s+/).includes(namespaces.protocol),
  );
  return roles[0] ?? null;
}

function readIdentityProvider(role: Element): IdentityProviderMetadata {
  const read = readRole(role);
  if (read.signingCertificates.length === 0) throw new RefusedMessage('no_signing_key');
  return {
    ...read,
    singleSignOnServices: children(role, md, 'SingleSignOnService').map(readEndpoint),
    wantAuthnRequestsSigned: booleanAttribute(role, 'WantAuthnRequestsSigned'),
  };
}

function readServiceProvider(role: Element): ServiceProviderMetadata {
  const consuming = children(role, md, 'AttributeConsumingService');
  return {
    ...readRole(role),
    assertionConsumerServices: children(role, md, 'AssertionConsumerService').map(readIndexedEndpoint),
    authnRequestsSigned: booleanAttribute(role, 'AuthnRequestsSigned'),
    wantAssertionsSigned: booleanAttribute(role, 'WantAssertionsSigned'),
    requestedAttributes: consuming.flatMap((service) =>
      children(service, md, 'RequestedAttribute').map((each) => ({
        name: requiredAttribute(each, 'Name'),
        nameFormat: attributeOf(each, 'NameFormat'),
        friendlyName: attributeOf(each, 'FriendlyName'),
        isRequired: booleanAttribute(each, 'isRequired'),
      })),
    ),
  };
}

function readRole(role: Element) {
  return {
    signingCertificates: certificatesIn(role, 'signing'),
    encryptionCertificates: certificatesIn(role, 'encryption'),
    singleLogoutServices: children(role, md, 'SingleLogoutService').map(readEndpoint),
    nameIdFormats: children(role, md, 'NameIDFormat').map((format) => textOf(format).trim()),
  };
}

/** A key without a use is for both (§2.4.1.1). The first certificate of each key counts; the rest is its chain. */
function certificatesIn(role: Element, use: 'signing' | 'encryption'): string[] {
  return children(role, md, 'KeyDescriptor')
    .filter((key) => (attributeOf(key, 'use') ?? use) === use)
    .flatMap((key) => {
      const info = child(key, dsig, 'KeyInfo');
      const [certificate] = (info ? allElements(info) : []).filter((each) => isNamed(each, dsig, 'X509Certificate'));
      if (!certificate) return [];
      const facts = readCertificate(textOf(certificate));
      if (!facts) throw new RefusedMessage('certificate');
      return [facts.pem];
    });
}

function readEndpoint(element: Element): Endpoint {
  return {
    binding: requiredAttribute(element, 'Binding'),
    location: locationOf(requiredAttribute(element, 'Location')),
    responseLocation: optionalLocation(attributeOf(element, 'ResponseLocation')),
  };
}

function readIndexedEndpoint(element: Element): IndexedEndpoint {
  const index = indexAttribute(element, 'index');
  if (index === null) throw new RefusedMessage('malformed');
  return { ...readEndpoint(element), index, isDefault: booleanAttribute(element, 'isDefault') };
}

/** A browser is sent there, so it is a web address, never `javascript:`. */
function locationOf(text: string): string {
  const url = URL.parse(text);
  if (!url || !['https:', 'http:'].includes(url.protocol) || url.username || url.password)
    throw new RefusedMessage('location');
  return text;
}

function optionalLocation(text: string | null): string | null {
  return text === null ? null : locationOf(text);
}

function earliest(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}
