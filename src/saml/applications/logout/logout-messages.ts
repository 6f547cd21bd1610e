import type { Clock } from '#kernel/clock.ts';
import {
  buildLogoutRequest,
  buildLogoutResponse,
  type KeyPair,
  postForm,
  redirectUrl,
  signXml,
  soapEnvelope,
  type Status,
} from '#saml/messages/module.ts';
import type { AnswerForm } from '../answers.ts';
import type { Application } from '../application-service.ts';
import { ownUrls } from '../application-wire.ts';
import { LOGOUT_REQUEST_LIFETIME } from '../limits.ts';
import type { ToldSession } from './logout-chains.ts';
import type { LogoutBinding } from '../member-values.ts';
import type { LogoutEndpoint } from '../service-provider.ts';

/** A message that the browser takes along. */
export type Hop = { kind: 'redirect'; url: string } | { kind: 'post'; form: AnswerForm };

type Dependencies = { clock: Clock; issuer: string; keys: { signingKey(): Promise<KeyPair> } };

/** The first endpoint of an application for one of the bindings, in the order of preference. */
export const endpointOf = ({ provider }: Application, wanted: readonly LogoutBinding[]): LogoutEndpoint | null =>
  wanted.flatMap((binding) => provider.logoutEndpoints.find((each) => each.binding === binding) ?? [])[0] ?? null;

export const byBrowser = ['redirect', 'post'] as const;

/** Requests and answers to sign out, signed for their binding. */
export class LogoutMessages {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** `chain`: comes back with the answer. */
  async request(
    application: Application,
    endpoint: LogoutEndpoint,
    { session, chain }: { session: ToldSession; chain: (requestId: string) => Promise<string> },
  ): Promise<Hop> {
    const { id, xml } = this.#request(application, endpoint, session);
    const message = { parameter: 'SAMLRequest', xml, relayState: await chain(id) } as const;
    return this.#send(endpoint.binding, endpoint.url, message);
  }

  /** For the back channel. */
  async envelope(
    application: Application,
    endpoint: LogoutEndpoint,
    session: ToldSession,
  ): Promise<{ id: string; body: string }> {
    const { id, xml } = this.#request(application, endpoint, session);
    return { id, body: soapEnvelope(await signXml(xml, await this.#deps.keys.signingKey())) };
  }

  async answer(
    { client }: Application,
    endpoint: LogoutEndpoint,
    { requestId, relayState, status }: { requestId: string; relayState: string | null; status: Status },
  ): Promise<Hop> {
    const destination = endpoint.responseUrl ?? endpoint.url;
    const { xml } = buildLogoutResponse({
      ...this.#head(client.clientId, destination),
      inResponseTo: requestId,
      status,
    });
    return this.#send(endpoint.binding, destination, { parameter: 'SAMLResponse', xml, relayState });
  }

  /** In the answer to a request of the back channel, which has no address. */
  async answerEnvelope({ client, provider }: Application, requestId: string, status: Status): Promise<string> {
    const head = this.#head(client.clientId, provider.entityId);
    const { xml } = buildLogoutResponse({ ...head, inResponseTo: requestId, status });
    return soapEnvelope(await signXml(xml, await this.#deps.keys.signingKey()));
  }

  #request({ client }: Application, { url }: LogoutEndpoint, { name, sessionIndex }: ToldSession) {
    const head = this.#head(client.clientId, url);
    const notOnOrAfter = new Date(head.issueInstant.getTime() + LOGOUT_REQUEST_LIFETIME);
    return buildLogoutRequest({ ...head, nameId: name, sessionIndexes: [sessionIndex], notOnOrAfter });
  }

  #head(clientId: string, destination: string) {
    const { clock, issuer } = this.#deps;
    return { issuer: ownUrls(issuer, clientId).metadata, destination, issueInstant: clock.now() };
  }

  async #send(
    binding: LogoutBinding,
    location: string,
    message: { parameter: 'SAMLRequest' | 'SAMLResponse'; xml: string; relayState: string | null },
  ): Promise<Hop> {
    const key = await this.#deps.keys.signingKey();
    if (binding === 'redirect') return { kind: 'redirect', url: await redirectUrl(location, message, key) };
    return { kind: 'post', form: postForm(location, { ...message, xml: await signXml(message.xml, key) }) };
  }
}
