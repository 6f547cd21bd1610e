import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { checkMessage, type MessageReader, statuses } from '#saml/messages/module.ts';
import type { ApplicationService } from '../application-service.ts';
import { ownUrls } from '../application-wire.ts';
import { pemOf, signingCertificates } from '../certificate.ts';
import { endpointOf, type LogoutMessages } from './logout-messages.ts';
import type { SamlSessions } from '../saml-sessions.ts';

export type LogoutNoticeDependencies = {
  clock: Clock;
  issuer: string;
  applications: Pick<ApplicationService, 'find'>;
  messages: Pick<MessageReader, 'readLogoutResponse'>;
  /** The one way out of this process. */
  fetch: typeof globalThis.fetch;
  log: Pick<Log, 'warn'>;
};
type Parts = { sessions: SamlSessions; logoutMessages: LogoutMessages };

/** Tells applications by the back channel that a session ended (SAML Bindings §3.2). */
export class LogoutNotices {
  readonly #deps: LogoutNoticeDependencies;
  readonly #parts: Parts;

  constructor(dependencies: LogoutNoticeDependencies, parts: Parts) {
    this.#deps = dependencies;
    this.#parts = parts;
  }

  /** False for a client that does not speak SAML. Throws where the application does not answer, so that the notice is sent again. */
  async deliver({ clientId, sid }: { clientId: string; sid: string | null }, signal: AbortSignal): Promise<boolean> {
    const { clock, issuer, applications, messages, fetch, log } = this.#deps;
    const application = await applications.find(clientId);
    if (application === null) return false;
    const endpoint = endpointOf(application, ['soap']);
    if (endpoint === null || sid === null) return true;
    for (const session of await this.#parts.sessions.ofIndex(clientId, sid)) {
      const { id, body } = await this.#parts.logoutMessages.envelope(application, endpoint, session);
      const response = await fetch(endpoint.url, {
        method: 'POST',
        body,
        signal,
        headers: {
          'content-type': 'text/xml; charset=utf-8',
          soapaction: 'http://www.oasis-open.org/committees/security',
        },
      });
      if (!response.ok) throw new Error(`${new URL(endpoint.url).host} answered ${response.status}`);
      const now = clock.now();
      const read = await messages.readLogoutResponse(
        { binding: 'soap', body: await response.text() },
        { certificates: signingCertificates(application.provider.certificates, now).map(pemOf), isSigned: true },
      );
      const checked =
        read.kind === 'refused'
          ? read
          : checkMessage(withDestination(read.value, issuer, clientId), {
              now,
              issuer: application.provider.entityId,
              destination: ownUrls(issuer, clientId).slo,
              inResponseTo: id,
            });
      const status = read.kind === 'verified' ? read.value.status.code : null;
      if (checked.kind === 'refused' || status !== statuses.success)
        log.warn(
          { clientId, reason: checked.kind === 'refused' ? checked.reason : status },
          'single logout: the application did not sign the user out',
        );
      await this.#parts.sessions.forget(clientId, sid);
    }
    return true;
  }
}

/** The back channel needs no Destination. */
function withDestination<M extends { destination: string | null }>(message: M, issuer: string, clientId: string): M {
  return { ...message, destination: message.destination ?? ownUrls(issuer, clientId).slo };
}
