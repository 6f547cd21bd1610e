/**
 * Why a message is refused: a word for the log, the event and the test of a connection. The sender learns none of them.
 * The first ones are found before the XML is parsed.
 */
export type Refusal =
  | 'parameters'
  | 'too_large'
  | 'encoding'
  | 'not_well_formed'
  | 'doctype'
  | 'processing_instruction'
  | 'comment'
  | 'cdata'
  | 'entity'
  | 'too_deep'
  | 'too_many_elements'
  | 'too_many_attributes'
  | 'too_slow'
  | 'busy'
  | 'failed'
  | ReadingRefusal
  | MetadataRefusal
  | CheckRefusal;

/** Found while the message is read. */
type ReadingRefusal =
  | 'wrong_message'
  | 'wrong_namespace'
  | 'nested_message'
  | 'duplicate_id'
  | 'no_id'
  | 'assertion_count'
  | 'unsigned'
  | 'assertion_unsigned'
  | 'response_unsigned'
  | 'no_certificate'
  | 'signature_place'
  | 'signature_form'
  | 'signature_reference'
  | 'signature_transform'
  | 'signature_algorithm'
  | 'signature_key'
  | 'signature_wrong'
  | 'encryption_form'
  | 'encryption_algorithm'
  | 'decryption_failed'
  | 'condition'
  | 'malformed';

type MetadataRefusal =
  | 'metadata_expired'
  | 'several_entities'
  | 'entity_not_found'
  | 'no_role'
  | 'no_signing_key'
  | 'certificate'
  | 'location';

/** Found when the values of a verified message are compared with the expected ones (SAML Profiles §4.1.4). */
export type CheckRefusal =
  | 'version'
  | 'status'
  | 'issuer'
  | 'assertion_issuer'
  | 'destination'
  | 'recipient'
  | 'audience'
  | 'no_audience'
  | 'no_subject'
  | 'no_bearer'
  | 'no_conditions'
  | 'no_authn_statement'
  | 'in_response_to'
  | 'unsolicited'
  | 'not_yet_valid'
  | 'expired'
  | 'lifetime'
  | 'issue_instant'
  | 'authn_instant'
  | 'session_over';

/** Ends the reading of a message; never leaves this slice. */
export class RefusedMessage extends Error {
  override readonly name = 'RefusedMessage';
  readonly reason: Refusal;

  constructor(reason: Refusal) {
    super(`The message is refused: ${reason}.`);
    this.reason = reason;
  }
}
