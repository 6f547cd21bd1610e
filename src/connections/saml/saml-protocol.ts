/** The web browser profile of SAML 2.0 towards identity providers. It is loaded by the first sign-in that needs it. */
import type { Clock } from '#kernel/clock.ts';
import {
  type AcceptedResponse,
  buildAuthnRequest,
  checkResponse,
  type MessageReader,
  type NameId,
  nameIdFormats,
  postForm,
  redirectUrl,
  signXml,
  statuses,
} from '#saml/messages/module.ts';
import { propertiesOf } from '../claim-mapping.ts';
import type { Connection, ConnectionId } from '../connection.ts';
import type { Transaction } from '../transaction.ts';
import type { Told } from '../upstream-profile.ts';
import type { UsedStates } from '../used-states.ts';
import type { SamlIdentityProvider } from './identity-provider.ts';
import { namesSubject } from './presets.ts';
import { attributeOf, samlClaims } from './saml-claims.ts';
import type { SamlKeys } from './saml-keys.ts';
import { SamlAnswerRefused } from './saml-refusal.ts';
import { serviceProviderOf } from './service-provider.ts';

export type SamlRequest = Pick<Transaction, 'state' | 'nonce'> & {
  forceAuthentication?: boolean | undefined;
  /** The relying party needs a second factor. */
  needsSecondFactor?: boolean | undefined;
};

/** Where the browser goes, by a redirect or with a form. */
export type Away = { location: string; form: Readonly<Record<string, string>> | null };

type Dependencies = {
  clock: Clock;
  issuer: string;
  keys: SamlKeys;
  messages: Pick<MessageReader, 'readResponse'>;
  find: (id: ConnectionId) => Promise<SamlIdentityProvider | null>;
  used: Pick<UsedStates, 'use'>;
};

const formats = {
  persistent: nameIdFormats.persistent,
  email: nameIdFormats.emailAddress,
  transient: nameIdFormats.transient,
  unspecified: nameIdFormats.unspecified,
} as const;

/** An ID of XML begins with a letter or an underscore. */
const requestIdOf = ({ nonce }: Pick<Transaction, 'nonce'>): string => `_${nonce}`;

/**
 * A user who changes the request on its way may have the NameID in another format, such as a name of their own choice, and so the NameID of
 * another user. An attribute that names the subject is not changed by that.
 */
function isAskedFormat({ format }: NameId, settings: Connection['settings']): boolean {
  const { nameIdFormat: asked = 'unspecified' } = settings;
  return asked === 'unspecified' || namesSubject(settings) || format === formats[asked];
}

/** With these a provider says that the user turned back. */
const turnedBack: ReadonlySet<string> = new Set([statuses.authnFailed, statuses.requestDenied]);

/** Requests to identity providers, and their answers. Every refusal is an SamlAnswerRefused. */
export class SamlProtocol {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** The request, and where it goes. The answer names its id, and RelayState brings back the state. */
  async begin(connection: Connection, request: SamlRequest): Promise<Away> {
    const { clock, issuer, keys } = this.#deps;
    const { settings, trustsFactors } = connection;
    const { metadata } = await this.#providerOf(connection);
    const wanted = settings.requestBinding ?? 'redirect';
    const endpoint = metadata.signOn.find(({ binding }) => binding === wanted) ?? metadata.signOn[0]!;
    const ours = serviceProviderOf(issuer, connection);
    const contexts = request.needsSecondFactor === true && trustsFactors ? settings.mfaContexts : undefined;
    const { xml } = buildAuthnRequest({
      id: requestIdOf(request),
      issuer: ours.entityId,
      destination: endpoint.location,
      issueInstant: clock.now(),
      assertionConsumerServiceUrl: ours.acsUrl,
      forceAuthn: request.forceAuthentication === true,
      nameIdFormat: settings.nameIdFormat === undefined ? null : formats[settings.nameIdFormat],
      ...(contexts === undefined ? {} : { contextClasses: contexts }),
    });
    const key = settings.signsRequests === false ? null : await keys.signingKey();
    const sent = { parameter: 'SAMLRequest', xml, relayState: request.state } as const;
    if (endpoint.binding === 'redirect')
      return { location: await redirectUrl(endpoint.location, sent, key), form: null };
    const signed = key === null ? xml : await signXml(xml, key);
    const { action, fields } = postForm(endpoint.location, { ...sent, xml: signed });
    return { location: action, form: fields };
  }

  /** Reads the answer to a request. */
  async claimsOf(connection: Connection, transaction: Transaction, parameters: URLSearchParams): Promise<Told> {
    const accepted = await this.accept(connection, parameters.get('SAMLResponse') ?? '', requestIdOf(transaction));
    const { entityId } = await this.#providerOf(connection);
    const { nameId, sessionIndex, attributes } = accepted;
    const claims = samlClaims(accepted, connection.settings);
    if (claims.sub === undefined)
      throw new SamlAnswerRefused(namesSubject(connection.settings) ? 'subject_attribute' : 'transient_subject');
    return {
      issuer: entityId,
      claims,
      tokens: null,
      properties: propertiesOf(connection.settings.properties, (name) => attributeOf(accepted, [name])),
      signOutHint: JSON.stringify({ nameId, sessionIndex }),
      seen: [
        { name: 'NameID', values: [nameId.value] },
        { name: 'NameID Format', values: nameId.format === null ? [] : [nameId.format] },
        ...attributes.map(({ name, values }) => ({ name, values })),
      ],
    };
  }

  /** Verifies an answer, and takes it once. `inResponseTo`: null where the provider began. */
  async accept(connection: Connection, value: string, inResponseTo: string | null): Promise<AcceptedResponse> {
    const { clock, issuer, keys, messages, used } = this.#deps;
    const { settings } = connection;
    const { entityId, metadata } = await this.#providerOf(connection);
    const ours = serviceProviderOf(issuer, connection);
    const demand = settings.requiredSignature ?? 'assertion';
    const read = await messages.readResponse(
      { binding: 'post', value },
      {
        certificates: metadata.certificates,
        decryptionKeys: await keys.decryptionKeys(),
        isResponseSigned: demand !== 'assertion',
        isAssertionSigned: demand !== 'response',
        allowsCbc: settings.allowsCbc === true,
      },
    );
    if (read.kind === 'refused') {
      const { code, subcode = null, message = null } = read.status ?? {};
      const detail = [code, subcode, message].filter(Boolean).join(' ') || null;
      throw new SamlAnswerRefused(read.reason, detail, turnedBack.has(subcode ?? ''));
    }
    const checked = checkResponse(read.value, {
      now: clock.now(),
      issuer: entityId,
      audience: ours.entityId,
      destination: ours.acsUrl,
      inResponseTo,
    });
    if (checked.kind === 'refused') throw new SamlAnswerRefused(checked.reason);
    if (!isAskedFormat(checked.nameId, settings)) throw new SamlAnswerRefused('name_id_format');
    // The issuer chose the identifier, so it is unique among its own alone.
    if (!(await used.use(`saml:${entityId} ${checked.assertionId}`, checked.replayableUntil)))
      throw new SamlAnswerRefused('replayed');
    return checked;
  }

  async #providerOf({ id }: Connection): Promise<SamlIdentityProvider> {
    const provider = await this.#deps.find(id);
    if (provider === null) throw new SamlAnswerRefused('no_metadata');
    if (provider.validUntil && provider.validUntil <= this.#deps.clock.now())
      throw new SamlAnswerRefused('metadata_over');
    return provider;
  }
}
