import { type Clock, SECOND } from '#kernel/clock.ts';
import {
  attributeNameFormats,
  issueResponse,
  type KeyPair,
  postForm,
  type Protection,
  statuses,
} from '#saml/messages/module.ts';
import type { Attribute } from './attribute-mapping.ts';
import type { Application } from './application-service.ts';
import { ownUrls } from './application-wire.ts';
import { encryptionCertificate, pemOf } from './certificate.ts';
import { ASSERTION_LIFETIME, CLOCK_ALLOWANCE } from './limits.ts';
import type { NameId } from './name-id.ts';

/** A form that the browser posts to the application. */
export type AnswerForm = { action: string; fields: Readonly<Record<string, string>> };

/** Why a sign-in failed, as the application is told it (SAML Core §3.2.2.2). */
const failures = {
  not_signed_in: { code: statuses.responder, subcode: statuses.noPassive },
  refused: { code: statuses.responder, subcode: statuses.requestDenied },
  failed: { code: statuses.responder, subcode: statuses.authnFailed },
  context: { code: statuses.responder, subcode: statuses.noAuthnContext },
  name_id: { code: statuses.requester, subcode: statuses.invalidNameIdPolicy },
} as const;
export type Failure = keyof typeof failures;

/** Where an answer goes, and what it answers. */
type Asked = { consumerUrl: string; requestId: string | null; relayState: string | null };

type Proof = {
  nameId: NameId;
  attributes: readonly Attribute[];
  contextClass: string;
  /** NumericDate. */
  authTime: number;
  sessionIndex: string;
};

export type AnswerDependencies = {
  clock: Clock;
  issuer: string;
  keys: { signingKey(): Promise<KeyPair> };
};

/** Makes the answers to applications: signed, and encrypted where the application wants it. */
export class Answers {
  readonly #deps: AnswerDependencies;

  constructor(dependencies: AnswerDependencies) {
    this.#deps = dependencies;
  }

  /** The user has signed in. */
  async success({ client, provider }: Application, asked: Asked, proof: Proof): Promise<AnswerForm> {
    const { clock } = this.#deps;
    const now = clock.now();
    const certificate = provider.encrypts ? encryptionCertificate(provider.certificates, now) : null;
    if (provider.encrypts && certificate === null) return this.failure({ client, provider }, asked, 'failed');
    return this.#post({ client, provider }, asked, certificate && pemOf(certificate), {
      assertion: {
        nameId: proof.nameId,
        audiences: [provider.entityId],
        notBefore: new Date(now.getTime() - CLOCK_ALLOWANCE),
        notOnOrAfter: new Date(now.getTime() + ASSERTION_LIFETIME),
        authnInstant: new Date(proof.authTime * SECOND),
        sessionIndex: proof.sessionIndex,
        contextClass: proof.contextClass,
        attributes: proof.attributes.map((each) => ({ ...each, nameFormat: attributeNameFormats[each.nameFormat] })),
      },
    });
  }

  /** The user has not. */
  failure(application: Application, asked: Asked, failure: Failure): Promise<AnswerForm> {
    return this.#post(application, asked, null, { assertion: null, status: { ...failures[failure], message: null } });
  }

  async #post(
    { client, provider }: Application,
    { consumerUrl, requestId, relayState }: Asked,
    encryption: string | null,
    content: Pick<Parameters<typeof issueResponse>[0], 'assertion' | 'status'>,
  ): Promise<AnswerForm> {
    const { clock, issuer, keys } = this.#deps;
    const protection: Protection = {
      key: await keys.signingKey(),
      signsAssertion: provider.signs !== 'response',
      // A response without an assertion has no other signature.
      signsResponse: provider.signs !== 'assertion' || content.assertion === null,
      encryptionCertificate: encryption,
    };
    const { xml } = await issueResponse(
      {
        ...content,
        issuer: ownUrls(issuer, client.clientId).metadata,
        destination: consumerUrl,
        issueInstant: clock.now(),
        inResponseTo: requestId,
      },
      protection,
    );
    return postForm(consumerUrl, { parameter: 'SAMLResponse', xml, relayState });
  }
}
