export type Endpoint = Readonly<{ binding: string; location: string; responseLocation: string | null }>;

export type IndexedEndpoint = Endpoint & Readonly<{ index: number; isDefault: boolean }>;

export type RequestedAttribute = Readonly<{
  name: string;
  nameFormat: string | null;
  friendlyName: string | null;
  isRequired: boolean;
}>;

type Role = Readonly<{
  /** As PEM, in the order of the document. A key without a use counts for both. */
  signingCertificates: readonly string[];
  encryptionCertificates: readonly string[];
  singleLogoutServices: readonly Endpoint[];
  nameIdFormats: readonly string[];
}>;

export type IdentityProviderMetadata = Role &
  Readonly<{ singleSignOnServices: readonly Endpoint[]; wantAuthnRequestsSigned: boolean }>;

export type ServiceProviderMetadata = Role &
  Readonly<{
    assertionConsumerServices: readonly IndexedEndpoint[];
    authnRequestsSigned: boolean;
    wantAssertionsSigned: boolean;
    requestedAttributes: readonly RequestedAttribute[];
  }>;

/** One entity of SAML V2.0 Metadata §2.3.2. */
export type EntityMetadata = Readonly<{
  entityId: string;
  validUntil: Date | null;
  /** Whether one of the given certificates verified the document. */
  isSigned: boolean;
  identityProvider: IdentityProviderMetadata | null;
  serviceProvider: ServiceProviderMetadata | null;
}>;
