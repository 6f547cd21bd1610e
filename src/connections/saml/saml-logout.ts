/** Single logout of SAML 2.0 (Profiles §4.4), from the provider and to it. It is loaded by the first sign-out that needs it. */
import { sha256 } from '#kernel/crypto.ts';
import { type Clock, fromNow } from '#kernel/clock.ts';
import {
  buildLogoutRequest,
  buildLogoutResponse,
  checkMessage,
  type MessageReader,
  type NameId,
  postForm,
  type Received,
  redirectUrl,
  signXml,
  soapEnvelope,
  type Status,
  statuses,
} from '#saml/messages/module.ts';
import type { Connection, ConnectionId } from '../connection.ts';
import { TRANSACTION_LIFETIME } from '../limits.ts';
import type { UsedStates } from '../used-states.ts';
import type { SamlEndpoint, SamlIdentityProvider } from './identity-provider.ts';
import { namesSubject } from './presets.ts';
import { sessionNameOf } from './saml-claims.ts';
import type { SamlKeys } from './saml-keys.ts';
import type { Away } from './saml-protocol.ts';
import { SamlAnswerRefused } from './saml-refusal.ts';
import { serviceProviderOf } from './service-provider.ts';

type Dependencies = {
  clock: Clock;
  issuer: string;
  keys: SamlKeys;
  messages: Pick<MessageReader, 'readLogoutRequest' | 'readLogoutResponse'>;
  find: (id: ConnectionId) => Promise<SamlIdentityProvider | null>;
  used: Pick<UsedStates, 'use'>;
};

/** The sessions that a provider ends, and what it is told then. */
type SamlLoggedOut = {
  issuer: string;
  subject: string | null;
  /** The names of the sessions; null for all of the subject. */
  names: readonly string[] | null;
  /** By the browser; null where the provider takes no answers. `isPartial`: some application was not told. */
  answer: (isPartial: boolean) => Promise<Away | null>;
  /** By the back channel. */
  envelope: (isPartial: boolean) => Promise<string>;
};

type AnswerContent = { inResponseTo: string; status: Status };

/** A sign-in keeps this for the sign-out at the provider. */
type Hint = { nameId: NameId; sessionIndex: string | null };

/** Sign-outs that begin at a provider, and sign-outs here that go on there. */
export class SamlLogout {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** A request of the provider, which it must have signed, once. Throws SamlAnswerRefused. */
  async read(connection: Connection, received: Received, formState: string | null): Promise<SamlLoggedOut> {
    const { clock, issuer, keys, messages, used } = this.#deps;
    const { entityId, metadata } = await this.#providerOf(connection);
    const ours = serviceProviderOf(issuer, connection);
    const decryptionKeys = await keys.decryptionKeys();
    const demands = { certificates: metadata.certificates, isSigned: true, decryptionKeys };
    const read = await messages.readLogoutRequest(received, demands);
    if (read.kind === 'refused') throw new SamlAnswerRefused(read.reason);
    const { value: request } = read;
    // The back channel needs no Destination (SAML Bindings §3.2).
    const destination = request.destination ?? (received.binding === 'soap' ? ours.logoutUrl : null);
    const expected = { now: clock.now(), issuer: entityId, destination: ours.logoutUrl };
    const checked = checkMessage({ ...request, destination }, expected);
    if (checked.kind === 'refused') throw new SamlAnswerRefused(checked.reason);
    const { nameId, sessionIndexes } = request;
    const isNamed = !namesSubject(connection.settings);
    // Without the name of a session, an attribute that is the subject finds none.
    if (sessionIndexes.length === 0 && !isNamed) throw new SamlAnswerRefused('subject_attribute');
    if (!(await used.use(`saml-logout:${entityId} ${request.id}`))) throw new SamlAnswerRefused('replayed');
    const relayState = received.binding === 'post' ? formState : read.relayState;
    const named = sessionIndexes.map((index) => sessionNameOf(nameId.value, index));
    const names = named.length === 0 ? null : named;
    const content = (isPartial: boolean) => ({ inResponseTo: request.id, status: statusOf(isPartial) });
    return {
      issuer: entityId,
      subject: isNamed ? nameId.value : null,
      names,
      answer: (isPartial) => this.#answer(connection, metadata.logout, content(isPartial), relayState),
      envelope: (isPartial) => this.#envelope(connection, entityId, content(isPartial)),
    };
  }

  /** The answer of the provider to a request of ours. Throws SamlAnswerRefused. */
  async readAnswer(connection: Connection, received: Received, state: string): Promise<void> {
    const { clock, issuer, messages } = this.#deps;
    const { entityId, metadata } = await this.#providerOf(connection);
    const read = await messages.readLogoutResponse(received, { certificates: metadata.certificates, isSigned: true });
    if (read.kind === 'refused') throw new SamlAnswerRefused(read.reason);
    const destination = serviceProviderOf(issuer, connection).logoutUrl;
    const expected = { now: clock.now(), issuer: entityId, destination, inResponseTo: requestIdOf(state) };
    const checked = checkMessage(read.value, expected);
    if (checked.kind === 'refused') throw new SamlAnswerRefused(checked.reason);
  }

  /** Where a browser signs out at the provider, by a redirect; null where the provider takes none. */
  async address(connection: Connection, { hint, state }: { hint: string; state: string }): Promise<URL | null> {
    const { clock, issuer, keys } = this.#deps;
    const { metadata } = await this.#providerOf(connection);
    const endpoint = metadata.logout.find(({ binding }) => binding === 'redirect');
    if (endpoint === undefined) return null;
    const { nameId, sessionIndex } = JSON.parse(hint) as Hint;
    const { xml } = buildLogoutRequest({
      id: requestIdOf(state),
      issuer: serviceProviderOf(issuer, connection).entityId,
      destination: endpoint.location,
      issueInstant: clock.now(),
      notOnOrAfter: fromNow(clock, TRANSACTION_LIFETIME),
      nameId,
      sessionIndexes: sessionIndex === null ? [] : [sessionIndex],
    });
    const sent = { parameter: 'SAMLRequest', xml, relayState: state } as const;
    return new URL(await redirectUrl(endpoint.location, sent, await keys.signingKey()));
  }

  async #answer(
    connection: Connection,
    endpoints: readonly SamlEndpoint[],
    content: AnswerContent,
    relayState: string | null,
  ): Promise<Away | null> {
    const { clock, issuer, keys } = this.#deps;
    const endpoint = endpoints.find(({ binding }) => binding === 'redirect') ?? endpoints[0];
    if (endpoint === undefined) return null;
    const location = endpoint.responseLocation ?? endpoint.location;
    const { xml } = buildLogoutResponse({
      issuer: serviceProviderOf(issuer, connection).entityId,
      destination: location,
      issueInstant: clock.now(),
      ...content,
    });
    const key = await keys.signingKey();
    const sent = { parameter: 'SAMLResponse', xml, relayState } as const;
    if (endpoint.binding === 'redirect') return { location: await redirectUrl(location, sent, key), form: null };
    const { action, fields } = postForm(location, { ...sent, xml: await signXml(xml, key) });
    return { location: action, form: fields };
  }

  /** In the answer to a request of the back channel, which has no address. */
  async #envelope(connection: Connection, destination: string, content: AnswerContent): Promise<string> {
    const { clock, issuer, keys } = this.#deps;
    const { entityId } = serviceProviderOf(issuer, connection);
    const { xml } = buildLogoutResponse({ issuer: entityId, destination, issueInstant: clock.now(), ...content });
    return soapEnvelope(await signXml(xml, await keys.signingKey()));
  }

  async #providerOf({ id }: Connection): Promise<SamlIdentityProvider> {
    const provider = await this.#deps.find(id);
    if (provider === null) throw new SamlAnswerRefused('no_metadata');
    return provider;
  }
}

const statusOf = (isPartial: boolean): Status => ({
  code: statuses.success,
  subcode: isPartial ? statuses.partialLogout : null,
  message: null,
});

/** The answer names it, and brings the state back. */
const requestIdOf = (state: string): string => `_${sha256(state).toString('hex')}`;
