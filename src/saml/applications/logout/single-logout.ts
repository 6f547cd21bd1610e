import { type AuditLog, type By, byClient } from '#audit/module.ts';
import type { AccessRevocation } from '#directory/users/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { checkMessage, type MessageReader, type Received, type Status, statuses } from '#saml/messages/module.ts';
import type { Application, ApplicationService } from '../application-service.ts';
import { ownUrls } from '../application-wire.ts';
import { pemOf, signingCertificates } from '../certificate.ts';
import { samlApplicationLogoutRefused } from '../events.ts';
import type { LogoutChain, LogoutChains } from './logout-chains.ts';
import { byBrowser, endpointOf, type Hop, type LogoutMessages } from './logout-messages.ts';
import type { KnownSession, SamlSessions } from '../saml-sessions.ts';

/** Where the browser of a sign-out goes next; `over`: the last page of ours. */
export type LogoutStep =
  | { kind: 'hop'; hop: Hop }
  | { kind: 'location'; location: string }
  | { kind: 'envelope'; body: string }
  | { kind: 'refused' };

export type SingleLogoutDependencies = {
  clock: Clock;
  issuer: string;
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  applications: Pick<ApplicationService, 'find'>;
  accessRevocation: AccessRevocation<'session ended'>;
  messages: Pick<MessageReader, 'readLogoutRequest' | 'readLogoutResponse'>;
  /** Whether a name is used for the first time, on all nodes; for longer than a message counts. */
  used: { use(name: string): Promise<boolean> };
};
type Parts = { sessions: SamlSessions; chains: LogoutChains; logoutMessages: LogoutMessages };

const success: Status = { code: statuses.success, subcode: null, message: null };
const partial: Status = { code: statuses.success, subcode: statuses.partialLogout, message: null };
/** The page that says that the user is signed out. */
const DONE = '/oidc/logout/success';

/**
 * Single logout (SAML Profiles §4.4). The session here ends first; then the browser tells the applications that can be told in no other way,
 * one after the other. One that does not answer leaves the user signed in there, and nowhere else.
 */
export class SingleLogout {
  readonly #deps: SingleLogoutDependencies;
  readonly #parts: Parts;

  constructor(dependencies: SingleLogoutDependencies, parts: Parts) {
    this.#deps = dependencies;
    this.#parts = parts;
  }

  /** A request of an application. It ends the sessions that it names, of its own user, and no other ones; a second time it ends none. */
  async receive(
    clientId: string,
    { received, relayState: posted }: { received: Received; relayState: string | null },
    by: By,
  ): Promise<LogoutStep> {
    const application = await this.#open(clientId);
    if (application === null) return { kind: 'refused' };
    const refuse = async (reason: string): Promise<LogoutStep> => {
      await this.#noteRefusal(application, reason, by);
      return { kind: 'refused' };
    };
    const read = await this.#deps.messages.readLogoutRequest(received, this.#demands(application));
    if (read.kind === 'refused') return refuse(read.reason);
    const request = read.value;
    const problem = this.#problemOf(application, request, received);
    if (problem !== null) return refuse(problem);
    if (!(await this.#deps.used.use(`saml-logout:${clientId} ${request.id}`))) return refuse('replayed');
    const ended = await this.#parts.sessions.named(application.client.id, request);
    const others = await this.#end(ended, byClient(clientId, by.visitor));
    const waiting = await this.#toldByBrowser(others);
    if (received.binding === 'soap') {
      const status = waiting.length > 0 ? partial : success;
      const body = await this.#parts.logoutMessages.answerEnvelope(application, request.id, status);
      return { kind: 'envelope', body };
    }
    const relayState = received.binding === 'redirect' ? read.relayState : posted;
    const end = { kind: 'answer', clientId, requestId: request.id, relayState } as const;
    return this.#next({ waiting, current: null, isPartial: false, end });
  }

  /** An answer of an application. A wrong one counts as none, and the sign-out goes on. */
  async proceed(
    clientId: string,
    { received, relayState: posted }: { received: Received; relayState: string | null },
    by: By,
  ): Promise<LogoutStep> {
    const application = await this.#open(clientId);
    if (application === null) return { kind: 'refused' };
    const read = await this.#deps.messages.readLogoutResponse(received, this.#demands(application));
    const chain = await this.#parts.chains.take(received.binding === 'redirect' ? read.relayState : posted);
    if (chain?.current?.clientId !== clientId) return { kind: 'refused' };
    const problem =
      read.kind === 'refused'
        ? read.reason
        : this.#problemOf(application, read.value, received, chain.current.requestId);
    if (problem !== null) await this.#noteRefusal(application, problem, by);
    const isOut = read.kind === 'verified' && problem === null && isSuccess(read.value.status);
    return this.#next({ ...chain, isPartial: chain.isPartial || !isOut });
  }

  /** Whether an application of these sessions, which have ended, can be told by the browser alone. */
  async needsBrowser(sessionIds: readonly string[]): Promise<boolean> {
    const known = await Promise.all(sessionIds.map((id) => this.#parts.sessions.ofSession(id)));
    return (await this.#toldByBrowser(known.flat())).length > 0;
  }

  /** A sign-out here, of a session that has ended: the way through its applications; null where none is told by the browser. */
  async detour(sessionId: string, location: string): Promise<string | null> {
    const waiting = await this.#toldByBrowser(await this.#parts.sessions.ofSession(sessionId));
    if (waiting.length === 0) return null;
    const end = { kind: 'location', location } as const;
    return `/saml/logout?chain=${await this.#parts.chains.keep({ waiting, current: null, isPartial: false, end })}`;
  }

  /** The first step of such a way. */
  async go(chain: unknown): Promise<LogoutStep> {
    const taken = await this.#parts.chains.take(chain);
    return taken === null ? { kind: 'location', location: DONE } : this.#next(taken);
  }

  async #next(chain: LogoutChain): Promise<LogoutStep> {
    const { sessions, chains, logoutMessages } = this.#parts;
    const [session, ...waiting] = chain.waiting;
    if (session === undefined) return this.#finish(chain);
    const application = await this.#open(session.clientId);
    const endpoint = application && endpointOf(application, byBrowser);
    await sessions.forget(session.clientId, session.sessionIndex);
    if (!application || !endpoint) return this.#next({ ...chain, waiting, isPartial: true });
    const hop = await logoutMessages.request(application, endpoint, {
      session,
      chain: (requestId) => chains.keep({ ...chain, waiting, current: { clientId: session.clientId, requestId } }),
    });
    return { kind: 'hop', hop };
  }

  async #finish({ end, isPartial }: LogoutChain): Promise<LogoutStep> {
    if (end.kind === 'location') return end;
    const application = await this.#open(end.clientId);
    const endpoint = application && endpointOf(application, byBrowser);
    if (!application || !endpoint) return { kind: 'location', location: DONE };
    const { requestId, relayState } = end;
    const status = isPartial ? partial : success;
    return {
      kind: 'hop',
      hop: await this.#parts.logoutMessages.answer(application, endpoint, { requestId, relayState, status }),
    };
  }

  /** Ends our sessions behind these, and answers the sessions at other applications that ended with them. */
  async #end(ended: readonly KnownSession[], by: By): Promise<readonly KnownSession[]> {
    const { sessions } = this.#parts;
    const ids = new Map(ended.map(({ sessionId, userId }) => [sessionId, userId]));
    for (const [session, userId] of ids)
      await this.#deps.database.transaction((em) =>
        this.#deps.accessRevocation.revoke(em, 'session ended', userId, by, { session }),
      );
    for (const { clientId, sessionIndex } of ended) await sessions.forget(clientId, sessionIndex);
    return (await Promise.all([...ids.keys()].map((session) => sessions.ofSession(session)))).flat();
  }

  /** Those that have no back channel. */
  async #toldByBrowser(all: readonly KnownSession[]): Promise<LogoutChain['waiting']> {
    const told = await Promise.all(
      all.map(async ({ clientId, sessionIndex, name }) => {
        const application = await this.#open(clientId);
        const isTold = application && !endpointOf(application, ['soap']) && endpointOf(application, byBrowser);
        return isTold ? [{ clientId, sessionIndex, name }] : [];
      }),
    );
    return told.flat();
  }

  #demands({ provider }: Application) {
    const certificates = signingCertificates(provider.certificates, this.#deps.clock.now()).map(pemOf);
    return { certificates, isSigned: true };
  }

  #problemOf(
    { client, provider }: Application,
    message: Parameters<typeof checkMessage>[0],
    { binding }: Received,
    inResponseTo?: string,
  ): string | null {
    const destination = ownUrls(this.#deps.issuer, client.clientId).slo;
    const checked = checkMessage(
      // The back channel needs no Destination (SAML Bindings §3.2).
      binding === 'soap' && message.destination === null ? { ...message, destination } : message,
      {
        now: this.#deps.clock.now(),
        issuer: provider.entityId,
        destination,
        ...(inResponseTo === undefined ? {} : { inResponseTo }),
      },
    );
    return checked.kind === 'refused' ? checked.reason : null;
  }

  async #open(clientId: string): Promise<Application | null> {
    const application = await this.#deps.applications.find(clientId);
    return application === null || application.client.disabled ? null : application;
  }

  async #noteRefusal({ client, provider }: Application, reason: string, by: By): Promise<void> {
    await this.#deps.database.transaction((em) =>
      this.#deps.audit.record(
        em,
        samlApplicationLogoutRefused({
          ...by,
          clientId: client.clientId,
          subject: { type: 'client', id: client.clientId },
          outcome: 'failure',
          details: { entity_id: provider.entityId, reason },
        }),
      ),
    );
  }
}

const isSuccess = ({ code, subcode }: Status): boolean =>
  code === statuses.success && subcode !== statuses.partialLogout;
