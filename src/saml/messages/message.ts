/** The messages as values. All texts are from the signed bytes, unless a member says otherwise. */

/** A message as it arrived. */
export type Received =
  /** The value of the form field SAMLRequest or SAMLResponse. */
  | Readonly<{ binding: 'post'; value: string }>
  /** The query as the request line has it, without the question mark. */
  | Readonly<{ binding: 'redirect'; query: string }>
  /** The body of a request or an answer of the back channel. */
  | Readonly<{ binding: 'soap'; body: string }>;

export type NameId = Readonly<{
  value: string;
  format: string | null;
  nameQualifier: string | null;
  spNameQualifier: string | null;
}>;

export type Attribute = Readonly<{
  name: string;
  nameFormat: string | null;
  friendlyName: string | null;
  values: readonly string[];
}>;

export type Status = Readonly<{ code: string; subcode: string | null; message: string | null }>;

export type SubjectConfirmation = Readonly<{
  method: string;
  recipient: string | null;
  notBefore: Date | null;
  notOnOrAfter: Date | null;
  inResponseTo: string | null;
}>;

export type AuthnStatement = Readonly<{
  authnInstant: Date;
  sessionIndex: string | null;
  sessionNotOnOrAfter: Date | null;
  contextClass: string | null;
}>;

export type Assertion = Readonly<{
  id: string;
  version: string;
  issueInstant: Date;
  issuer: string;
  nameId: NameId | null;
  confirmations: readonly SubjectConfirmation[];
  /** Each restriction is a list of audiences; one of them must be ours. */
  conditions: Readonly<{
    notBefore: Date | null;
    notOnOrAfter: Date | null;
    audienceRestrictions: readonly (readonly string[])[];
  }> | null;
  authnStatements: readonly AuthnStatement[];
  attributes: readonly Attribute[];
}>;

/** The members that all messages of the protocol have. */
type Message = Readonly<{
  id: string;
  version: string;
  issueInstant: Date;
  issuer: string | null;
  destination: string | null;
}>;

export type ResponseMessage = Message &
  Readonly<{
    inResponseTo: string | null;
    status: Status;
    assertion: Assertion;
    /** Whether the members outside the assertion are signed. If not, they are used to refuse only. */
    isSigned: boolean;
    isAssertionSigned: boolean;
    isEncrypted: boolean;
  }>;

export type AuthnRequestMessage = Message &
  Readonly<{
    isSigned: boolean;
    forceAuthn: boolean;
    isPassive: boolean;
    assertionConsumerServiceUrl: string | null;
    assertionConsumerServiceIndex: number | null;
    protocolBinding: string | null;
    nameIdPolicy: Readonly<{ format: string | null; spNameQualifier: string | null; allowCreate: boolean }> | null;
    requestedAuthnContext: Readonly<{ comparison: string; classes: readonly string[] }> | null;
    /** The subject that the service provider asks for. */
    subject: NameId | null;
  }>;

export type LogoutRequestMessage = Message &
  Readonly<{
    nameId: NameId;
    sessionIndexes: readonly string[];
    notOnOrAfter: Date | null;
    reason: string | null;
  }>;

export type LogoutResponseMessage = Message & Readonly<{ inResponseTo: string | null; status: Status }>;

/** A key of ours, or a service provider's in tests, with its certificate. */
export type KeyPair = Readonly<{ privateKey: string; certificate: string }>;
