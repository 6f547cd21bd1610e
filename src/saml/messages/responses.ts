import { messageId, type Part, part, write } from './building.ts';
import { encryptAssertion } from './encryption.ts';
import type { Attribute, KeyPair, NameId, Status } from './message.ts';
import { bearer, statuses } from './names.ts';
import { type Built, type Head, nameIdPart, statusPart } from './requests.ts';
import { signXml } from './signing.ts';

export type AssertionContent = Readonly<{
  id?: string;
  nameId: NameId;
  /** The entity ids that may use the assertion. */
  audiences: readonly string[];
  notBefore: Date;
  notOnOrAfter: Date;
  authnInstant: Date;
  sessionIndex: string;
  sessionNotOnOrAfter?: Date | null;
  contextClass: string;
  attributes: readonly Attribute[];
}>;

export type ResponseContent = Head &
  Readonly<{
    /** The id of the request; null where the sign-in begins here. */
    inResponseTo: string | null;
    /** Success if it is not given. */
    status?: Status;
    /** Null in an answer of a status without success. */
    assertion: AssertionContent | null;
  }>;

export type Protection = Readonly<{
  key: KeyPair;
  signsAssertion: boolean;
  signsResponse: boolean;
  /** The certificate of the service provider; the assertion is encrypted for it. */
  encryptionCertificate?: string | null;
}>;

const success: Status = { code: statuses.success, subcode: null, message: null };

/** The answer to a request to sign in, signed and encrypted as the service provider needs it. */
export async function issueResponse(
  content: ResponseContent,
  { key, signsAssertion, signsResponse, encryptionCertificate }: Protection,
): Promise<Built & { assertionId: string | null }> {
  const { id = messageId(), assertion } = content;
  const assertionId = assertion && (assertion.id ?? messageId());
  let inner = '';
  if (assertion && assertionId) {
    inner = write(assertionPart(content, assertion, assertionId));
    if (signsAssertion) inner = await signXml(inner, key);
    if (encryptionCertificate) inner = await encryptAssertion(inner, encryptionCertificate);
  }
  // The root ends with the last tag of a document that we wrote, so the assertion keeps the text that was signed.
  const xml = write(responsePart(content, id)).replace(/<\/samlp:Response>$/, (end) => `${inner}${end}`);
  return { id, assertionId, xml: signsResponse ? await signXml(xml, key) : xml };
}

function responsePart(content: ResponseContent, id: string): Part {
  const { issuer, destination, issueInstant, inResponseTo, status = success } = content;
  return part(
    'samlp:Response',
    { ID: id, Version: '2.0', IssueInstant: issueInstant, Destination: destination, InResponseTo: inResponseTo },
    part('saml:Issuer', {}, issuer),
    statusPart(status),
  );
}

function assertionPart(
  { issuer, destination, issueInstant, inResponseTo }: ResponseContent,
  content: AssertionContent,
  id: string,
): Part {
  const { notBefore, notOnOrAfter, authnInstant, sessionIndex, sessionNotOnOrAfter, attributes } = content;
  return part(
    'saml:Assertion',
    { ID: id, Version: '2.0', IssueInstant: issueInstant },
    part('saml:Issuer', {}, issuer),
    part(
      'saml:Subject',
      {},
      nameIdPart(content.nameId),
      part(
        'saml:SubjectConfirmation',
        { Method: bearer },
        part('saml:SubjectConfirmationData', {
          Recipient: destination,
          NotOnOrAfter: notOnOrAfter,
          InResponseTo: inResponseTo,
        }),
      ),
    ),
    part(
      'saml:Conditions',
      { NotBefore: notBefore, NotOnOrAfter: notOnOrAfter },
      part('saml:AudienceRestriction', {}, ...content.audiences.map((each) => part('saml:Audience', {}, each))),
    ),
    part(
      'saml:AuthnStatement',
      { AuthnInstant: authnInstant, SessionIndex: sessionIndex, SessionNotOnOrAfter: sessionNotOnOrAfter },
      part('saml:AuthnContext', {}, part('saml:AuthnContextClassRef', {}, content.contextClass)),
    ),
    // An AttributeStatement without an attribute is not valid.
    attributes.length > 0 && part('saml:AttributeStatement', {}, ...attributes.map(attributePart)),
  );
}

function attributePart({ name, nameFormat, friendlyName, values }: Attribute): Part {
  return part(
    'saml:Attribute',
    { Name: name, NameFormat: nameFormat, FriendlyName: friendlyName },
    ...values.map((value) => part('saml:AttributeValue', {}, value)),
  );
}
