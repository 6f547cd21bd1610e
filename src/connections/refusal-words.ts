import type { SamlRefusal } from './saml/saml-refusal.ts';

/** Why an answer of a provider does not count: a word for the log, the event and the test of a connection. */
export type RefusalReason =
  | 'transaction'
  | 'expired'
  | 'replayed'
  | 'disabled'
  | 'changed'
  | 'unreachable'
  | 'upstream_error'
  | 'invalid_answer'
  | 'subject'
  | SamlRefusal;

const gate = 'The message has a form that no good provider sends';
const signature = 'A signature of the answer has a form that is not accepted';

/** The sentence that the test of a connection shows to an administrator. Nothing of it is on the pages of users. */
export const refusalWords: Readonly<Record<RefusalReason, string>> = {
  transaction: 'The answer belongs to another sign-in, or to another connection.',
  expired: 'The answer came too late: its time is over, by the clock of this instance. Check both clocks.',
  replayed: 'The same answer was used before.',
  disabled: 'The connection is deleted, disabled or unfinished, or its organization is not active.',
  changed: 'The connection was changed after the request. Test it again.',
  unreachable: 'The provider did not answer a request of this instance.',
  upstream_error: 'The provider answered with an error.',
  invalid_answer: 'A token, a signature or a document of the provider is wrong.',
  subject:
    'Nothing usable says who the user is: the subject is empty, too long, or has characters that no identifier has.',

  parameters: 'The form holds no SAMLResponse, or another message besides it.',
  too_large: 'The answer is larger than 256 KiB. Send fewer attributes, for example fewer groups.',
  encoding: 'The answer is not in base64, or its text is not UTF-8.',
  not_well_formed: 'The answer is not well-formed XML.',
  doctype: `${gate}: it has a document type.`,
  processing_instruction: `${gate}: it has a processing instruction.`,
  comment: `${gate}: it has a comment.`,
  cdata: `${gate}: it has a CDATA section.`,
  entity: `${gate}: it has an entity of its own.`,
  too_deep: `${gate}: its elements are nested too deeply.`,
  too_many_elements: 'The answer has more than 1,000 elements. Send fewer attributes, for example fewer groups.',
  too_many_attributes: `${gate}: one element has too many XML attributes.`,
  too_slow: 'Reading the answer took too long.',
  busy: 'Too many answers arrive at once. Try again.',
  failed: 'The answer could not be read.',

  wrong_message: 'The message is no Response of SAML 2.0.',
  wrong_namespace: 'An element of the answer is not in the namespace of SAML 2.0.',
  nested_message: 'The answer holds another message.',
  duplicate_id: 'Two elements of the answer have the same ID.',
  no_id: 'A signed element has no ID.',
  assertion_count: 'The answer must hold one assertion, encrypted or not.',
  unsigned: 'Nothing in the answer is signed. Let the provider sign the assertion.',
  assertion_unsigned: 'The assertion is not signed. Let the provider sign it, or set required_signature to response.',
  response_unsigned: 'The response is not signed. Let the provider sign it, or set required_signature to assertion.',
  no_certificate: 'The connection has no certificate of the provider.',
  signature_place: `${signature}: it is not directly in the element that it signs.`,
  signature_form: `${signature}.`,
  signature_reference: `${signature}: it does not refer to the element around it.`,
  signature_transform: `${signature}: it uses other transforms than exclusive canonicalization.`,
  signature_algorithm: 'The answer is signed with an algorithm that is not accepted. Use RSA or ECDSA with SHA-256.',
  signature_key: 'The key of the provider is too weak. RSA needs 2048 bits or more.',
  signature_wrong:
    'The signature was not made with a certificate of the connection. Read the metadata of the provider again.',
  encryption_form: 'The assertion, the NameID or an attribute is encrypted in a form that is not accepted.',
  encryption_algorithm:
    'The assertion, the NameID or an attribute is encrypted with an algorithm that is not accepted. Use AES-GCM with RSA-OAEP. For an assertion in AES-CBC sign the response too, or set allows_cbc.',
  decryption_failed:
    'No key of this instance decrypts the assertion, the NameID or an attribute. Load the metadata of this instance into the provider again.',
  condition: 'The assertion has a condition that this instance does not know. Let the provider leave it out.',
  malformed: 'A member of the answer is missing, or has no valid value.',

  metadata_expired: 'The validity of the metadata is over.',
  several_entities: 'The metadata describes several entities. Give the entity_id of one of them.',
  entity_not_found: 'The metadata does not describe the entity.',
  no_role: 'The metadata describes no provider of SAML 2.0.',
  no_signing_key: 'The metadata has no certificate for signatures.',
  certificate: 'A certificate in the metadata cannot be read, or its key is too weak.',
  location: 'An address in the metadata must begin with https://.',

  version: 'The answer is not of version 2.0.',
  status: 'The provider answered that it did not sign the user in.',
  issuer: 'The issuer of the response is not the entity ID of the connection.',
  assertion_issuer: 'The issuer of the assertion is not the entity ID of the connection.',
  destination:
    'The answer is for another address. Check the address of the assertion consumer service at the provider.',
  recipient:
    'The assertion is for another address. Check the address of the assertion consumer service at the provider.',
  audience: 'The assertion is for another audience. Check the entity ID of this instance at the provider.',
  no_audience: 'The assertion names no audience.',
  no_subject: 'The assertion names no user.',
  no_bearer: 'The assertion has no bearer confirmation with an end of its time.',
  no_conditions: 'The assertion has no conditions with an end of its time.',
  no_authn_statement: 'The assertion does not say that the user authenticated.',
  in_response_to: 'The answer is for another request.',
  unsolicited: 'The answer names a request, but none was made.',
  not_yet_valid: 'The assertion is not valid yet, by the clock of this instance. Check both clocks.',
  lifetime: 'The assertion is valid for too long.',
  issue_instant: 'The answer was issued too long ago, or in the future. Check both clocks.',
  authn_instant: 'The user authenticated in the future. Check both clocks.',
  session_over: 'The session of the user at the provider is over.',

  no_metadata: 'The connection has no metadata of the provider.',
  metadata_over: 'The validity of the metadata is over, and it could not be read again.',
  subject_attribute: 'The attribute that says who the user is is missing, or has several values.',
  name_id_format:
    'The NameID is not in the format of the connection. Change the format at the provider, or change or remove name_id_format.',
  transient_subject:
    'The NameID is transient: it is another one at each sign-in. Send a persistent one, or name an attribute as the subject.',
};
