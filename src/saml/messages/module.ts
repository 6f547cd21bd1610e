/**
 * messages: SAML 2.0 messages as bytes and as values.
 *
 * Owns    the only door for XML from outside: the scan before any library, the threads that read, signatures, decryption, the values of the
 *         signed bytes; the checks of the profile; messages of ours, their signatures, encryption and bindings; metadata, read and written.
 * Leaves  who may send which message, requests, replays, sessions and keys to the slices of the two roles.
 * URLs    none.
 */
import type { Job, Jobs, Outcome } from './job.ts';
import type {
  AuthnRequestMessage,
  LogoutRequestMessage,
  LogoutResponseMessage,
  Received,
  ResponseMessage,
} from './message.ts';
import type { EntityMetadata } from './metadata.ts';
import type { MetadataDemands } from './metadata-reading.ts';
import type { RequestDemands, ResponseDemands } from './reading.ts';
import { type MessageParameter, open, type Opened } from './received.ts';
import { RefusedMessage } from './refusal.ts';
import { ThreadPool } from './thread-pool.ts';

/** A message with the RelayState of its query, if it came by a redirect; a form has its own. */
export type Read<Value> = Outcome<Value> & Readonly<{ relayState: string | null }>;

export type MessageReader = Readonly<{
  /** The answer of an identity provider, by the form of a browser. */
  readResponse(received: Received & { binding: 'post' }, demands: ResponseDemands): Promise<Read<ResponseMessage>>;
  readAuthnRequest(received: Received, demands: RequestDemands): Promise<Read<AuthnRequestMessage>>;
  readLogoutRequest(received: Received, demands: RequestDemands): Promise<Read<LogoutRequestMessage>>;
  readLogoutResponse(received: Received, demands: RequestDemands): Promise<Read<LogoutResponseMessage>>;
  readMetadata(document: string, demands: MetadataDemands): Promise<Outcome<EntityMetadata>>;
  close(): Promise<void>;
}>;

/** Creates the reader of messages. Its threads start with the first message and end with `close`. */
export function createMessages(): MessageReader {
  const pool = new ThreadPool();

  async function read<Name extends Exclude<keyof Jobs, 'metadata'>>(
    name: Name,
    parameter: MessageParameter,
    received: Received,
    demands: Jobs[Name]['demands'],
  ): Promise<Read<Jobs[Name]['result']>> {
    let opened: Opened;
    try {
      opened = open(received, parameter);
    } catch (error) {
      return { kind: 'refused', reason: error instanceof RefusedMessage ? error.reason : 'failed', relayState: null };
    }
    const outcome = await pool.read({ name, opened, demands } as Job);
    return { ...(outcome as Outcome<Jobs[Name]['result']>), relayState: opened.relayState };
  }

  return {
    readResponse: (received, demands) => read('response', 'SAMLResponse', received, demands),
    readAuthnRequest: (received, demands) => read('authn_request', 'SAMLRequest', received, demands),
    readLogoutRequest: (received, demands) => read('logout_request', 'SAMLRequest', received, demands),
    readLogoutResponse: (received, demands) => read('logout_response', 'SAMLResponse', received, demands),
    readMetadata: async (opened, demands) =>
      (await pool.read({ name: 'metadata', opened, demands })) as Outcome<EntityMetadata>,
    close: () => pool.close(),
  };
}

export { type CertificateFacts, readCertificate } from './certificate.ts';
export { encryptAssertion } from './encryption.ts';
export { ENVELOPE_TYPE, soapEnvelope, soapRefusal } from './envelope.ts';
export type {
  Assertion,
  Attribute,
  AuthnRequestMessage,
  KeyPair,
  LogoutRequestMessage,
  LogoutResponseMessage,
  NameId,
  Received,
  ResponseMessage,
  Status,
} from './message.ts';
export { checkMessage } from './message-checks.ts';
export type { Endpoint, EntityMetadata, IdentityProviderMetadata, ServiceProviderMetadata } from './metadata.ts';
export { buildMetadata, type MetadataContent } from './metadata-writing.ts';
export { attributeNameFormats, authnContexts, bindings, nameIdFormats, statuses } from './names.ts';
export type { Refusal } from './refusal.ts';
export { buildAuthnRequest, buildLogoutRequest, buildLogoutResponse } from './requests.ts';
export { type AcceptedResponse, checkResponse, type ExpectedResponse } from './response-checks.ts';
export { type AssertionContent, issueResponse, type Protection, type ResponseContent } from './responses.ts';
export { postForm, redirectUrl } from './sending.ts';
export { signXml } from './signing.ts';
