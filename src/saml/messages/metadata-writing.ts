import { type Part, part, write } from './building.ts';
import { certificateBody } from './certificate.ts';
import type { Endpoint, IndexedEndpoint, RequestedAttribute } from './metadata.ts';
import { namespaces } from './names.ts';

type RoleContent = Readonly<{
  /** As PEM; two while keys are replaced. */
  signingCertificates: readonly string[];
  encryptionCertificates: readonly string[];
  singleLogoutServices: readonly Endpoint[];
  nameIdFormats: readonly string[];
}>;

export type MetadataContent = Readonly<{
  entityId: string;
  validUntil?: Date | null;
  serviceProvider?: RoleContent &
    Readonly<{
      assertionConsumerServices: readonly IndexedEndpoint[];
      authnRequestsSigned: boolean;
      wantAssertionsSigned: boolean;
      /** The name of the service, and the attributes that it reads. */
      service?: Readonly<{ name: string; requestedAttributes: readonly RequestedAttribute[] }>;
    }>;
  identityProvider?: RoleContent &
    Readonly<{ singleSignOnServices: readonly Endpoint[]; wantAuthnRequestsSigned: boolean }>;
}>;

/** The algorithms that we decrypt, the preferred one first. Products choose AES-CBC where metadata name nothing. */
const encryptionMethods = [
  'http://www.w3.org/2009/xmlenc11#aes256-gcm',
  'http://www.w3.org/2009/xmlenc11#aes128-gcm',
  'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
];

/** Our metadata (SAML V2.0 Metadata §2.3.2), unsigned. */
export function buildMetadata({ entityId, validUntil, serviceProvider, identityProvider }: MetadataContent): string {
  return write(
    part(
      'md:EntityDescriptor',
      { entityID: entityId, validUntil },
      identityProvider &&
        part(
          'md:IDPSSODescriptor',
          { ...protocol, WantAuthnRequestsSigned: identityProvider.wantAuthnRequestsSigned },
          ...roleParts(identityProvider),
          ...identityProvider.singleSignOnServices.map((each) => endpointPart('md:SingleSignOnService', each)),
        ),
      serviceProvider &&
        part(
          'md:SPSSODescriptor',
          {
            ...protocol,
            AuthnRequestsSigned: serviceProvider.authnRequestsSigned,
            WantAssertionsSigned: serviceProvider.wantAssertionsSigned,
          },
          ...roleParts(serviceProvider),
          ...serviceProvider.assertionConsumerServices.map((each) =>
            endpointPart('md:AssertionConsumerService', each, { index: each.index, isDefault: each.isDefault || null }),
          ),
          consumingPart(serviceProvider.service),
        ),
    ),
  );
}

const protocol = { protocolSupportEnumeration: namespaces.protocol };

/** In the order of the schema. */
function roleParts(role: RoleContent): Part[] {
  return [
    ...role.signingCertificates.map((certificate) => keyPart('signing', certificate)),
    ...role.encryptionCertificates.map((certificate) => keyPart('encryption', certificate)),
    ...role.singleLogoutServices.map((each) => endpointPart('md:SingleLogoutService', each)),
    ...role.nameIdFormats.map((format) => part('md:NameIDFormat', {}, format)),
  ];
}

function keyPart(use: 'signing' | 'encryption', certificate: string): Part {
  const text = part('ds:X509Certificate', {}, certificateBody(certificate));
  const methods = use === 'encryption' ? encryptionMethods : [];
  return part(
    'md:KeyDescriptor',
    { use },
    part('ds:KeyInfo', {}, part('ds:X509Data', {}, text)),
    ...methods.map((Algorithm) => part('md:EncryptionMethod', { Algorithm })),
  );
}

function endpointPart(name: Part['name'], endpoint: Endpoint, more: Part['attributes'] = {}): Part {
  const { binding, location, responseLocation } = endpoint;
  return part(name, { Binding: binding, Location: location, ResponseLocation: responseLocation, ...more });
}

function consumingPart(
  service: Readonly<{ name: string; requestedAttributes: readonly RequestedAttribute[] }> | undefined,
): Part | null {
  if (!service || service.requestedAttributes.length === 0) return null;
  return part(
    'md:AttributeConsumingService',
    { index: 0 },
    part('md:ServiceName', { 'xml:lang': 'en' }, service.name),
    ...service.requestedAttributes.map(({ name, nameFormat, friendlyName, isRequired }) =>
      part('md:RequestedAttribute', {
        Name: name,
        NameFormat: nameFormat,
        FriendlyName: friendlyName,
        isRequired: isRequired || null,
      }),
    ),
  );
}
