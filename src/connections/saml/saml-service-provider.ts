import type { AuditLog, By } from '#audit/module.ts';
import { headerText } from '#kernel/mail/address.ts';
import { bindings, buildMetadata, nameIdFormats, soapRefusal } from '#saml/messages/module.ts';
import type { Connection } from '../connection.ts';
import { connectionLogoutRefused } from '../events.ts';
import { LONGEST_NAME } from '../limits.ts';
import { samlClaims } from './saml-claims.ts';
import type { SamlKeys } from './saml-keys.ts';
import type { SamlLogout } from './saml-logout.ts';
import type { SamlProtocol } from './saml-protocol.ts';
import { SamlAnswerRefused, type SamlRefusal } from './saml-refusal.ts';
import { serviceProviderOf } from './service-provider.ts';

type Dependencies = {
  audit: Pick<AuditLog, 'note'>;
  issuer: string;
  keys: SamlKeys;
  /** In whatever state; null for none, and for one of another protocol. */
  find(slug: string): Promise<Connection | null>;
  /** Null where users cannot sign in with it now. */
  findUsable(slug: string): Promise<Connection | null>;
  protocol(): Promise<Pick<SamlProtocol, 'accept'>>;
  logout(): Promise<SamlLogout>;
};

/** `value`: of the field SAMLRequest or SAMLResponse. */
type Received = Parameters<SamlLogout['read']>[1];
type Refused = { kind: 'refused'; reason: SamlRefusal };
type Landing =
  /** `client`: the application that begins the sign-in. */
  { kind: 'landed'; provider: string; name: string; client: string | null } | Refused;

/** The metadata of this instance as a service provider, answers without a request, and sign-outs at the provider. */
export class SamlServiceProvider {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** The metadata of a connection; null without one. A disabled one has it too: the provider is set up before. */
  async metadata(slug: string): Promise<string | null> {
    const { issuer, keys, find } = this.#deps;
    const connection = await find(slug);
    if (connection === null) return null;
    const { entityId, acsUrl, logoutUrl } = serviceProviderOf(issuer, connection);
    const { signing, encryption } = await keys.published();
    return buildMetadata({
      entityId,
      serviceProvider: {
        signingCertificates: signing,
        encryptionCertificates: encryption,
        singleLogoutServices: [bindings.redirect, bindings.post, bindings.soap].map((binding) => ({
          binding,
          location: logoutUrl,
          responseLocation: null,
        })),
        nameIdFormats: [nameIdFormats.persistent, nameIdFormats.emailAddress, nameIdFormats.unspecified],
        assertionConsumerServices: [
          { binding: bindings.post, location: acsUrl, responseLocation: null, index: 0, isDefault: true },
        ],
        authnRequestsSigned: connection.settings.signsRequests !== false,
        wantAssertionsSigned: (connection.settings.requiredSignature ?? 'assertion') !== 'response',
      },
    });
  }

  /**
   * An answer without a request signs no user in: any site could send it from any browser. Where the connection takes such answers, it
   * counts once, and a page names its user and offers a sign-in, which asks the provider. Null for no connection.
   */
  async unsolicited(slug: string, response: string): Promise<Landing | null> {
    const connection = await this.#deps.findUsable(slug);
    if (connection === null) return null;
    if (connection.settings.allowsUnsolicited !== true) return { kind: 'refused', reason: 'unsolicited' };
    return refusedOr<Landing>(async () => {
      const accepted = await (await this.#deps.protocol()).accept(connection, response, null);
      const { email, preferred_username: username } = samlClaims(accepted, connection.settings);
      const shown = [email, username, accepted.nameId.value].find((text) => typeof text === 'string') as string;
      const { name: provider, settings } = connection;
      return {
        kind: 'landed',
        provider,
        name: headerText(shown, LONGEST_NAME),
        client: settings.landingClient ?? null,
      };
    });
  }

  /** The sessions that a signed request of the provider ends. Null for no connection. */
  async logoutRequest(slug: string, received: Received, formState: string | null, by: By) {
    const connection = await this.#deps.findUsable(slug);
    if (connection === null) return null;
    const read = await refusedOr(async () => {
      const ended = await (await this.#deps.logout()).read(connection, received, formState);
      return { kind: 'ended' as const, ...ended };
    });
    if (read.kind === 'refused') await this.#noteRefusal(connection, read.reason, by);
    return read;
  }

  /** The envelope that tells a program of a refusal, and nothing else. */
  refusal(): string {
    return soapRefusal();
  }

  /** Reads the answer to a sign-out that began here with this state. */
  async logoutAnswer(slug: string, received: Received, state: string): Promise<{ kind: 'read' } | Refused | null> {
    const connection = await this.#deps.findUsable(slug);
    if (connection === null) return null;
    return refusedOr(async () => {
      await (await this.#deps.logout()).readAnswer(connection, received, state);
      return { kind: 'read' as const };
    });
  }

  async #noteRefusal(
    { id, slug: connection, provider, organizationId = null }: Connection,
    reason: SamlRefusal,
    by: By,
  ): Promise<void> {
    await this.#deps.audit.note(
      connectionLogoutRefused({
        ...by,
        subject: { type: 'connection', id },
        ...(organizationId === null ? {} : { organizationId }),
        outcome: 'failure',
        details: { connection, connection_id: id, provider, reason },
      }),
    );
  }
}

async function refusedOr<Outcome>(read: () => Promise<Outcome>): Promise<Outcome | Refused> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SamlAnswerRefused) return { kind: 'refused', reason: error.reason };
    throw error;
  }
}
