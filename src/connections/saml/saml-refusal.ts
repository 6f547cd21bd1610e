import type { Refusal } from '#saml/messages/module.ts';

/** Why an answer of SAML is refused: a word for the log, the event and the test of a connection. */
export type SamlRefusal =
  | Refusal
  /** The assertion was used before. */
  | 'replayed'
  | 'no_metadata'
  /** `validUntil` of the metadata is over. */
  | 'metadata_over'
  /** The attribute that names the subject is missing, or has several values. */
  | 'subject_attribute'
  /** The NameID is not in the format that the connection asks for. */
  | 'name_id_format'
  /** The NameID is another one at each sign-in. */
  | 'transient_subject';

/** An answer of SAML that is refused. */
export class SamlAnswerRefused extends Error {
  override readonly name = 'SamlAnswerRefused';
  readonly reason: SamlRefusal;
  /** The provider says that the user turned back. */
  readonly isTurnedBack: boolean;

  /** `detail`: what the provider said. */
  constructor(reason: SamlRefusal, detail: string | null = null, isTurnedBack = false) {
    super(detail ?? reason);
    this.reason = reason;
    this.isTurnedBack = isTurnedBack;
  }
}
