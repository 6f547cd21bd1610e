import { createHash } from 'node:crypto';
import { samlReturnPath } from '#applications/clients/module.ts';
import { type AuditLog, type By, byUser } from '#audit/module.ts';
import type { UserId } from '#directory/users/module.ts';
import { fromNow } from '#kernel/clock.ts';
import { randomSecret } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { CompletedSignIn, CompletedSignIns } from '#oidc/completed-sign-ins.ts';
import { checkMessage, type MessageReader, type Received } from '#saml/messages/module.ts';
import { type AnswerForm, type Answers, type AnswerDependencies } from './answers.ts';
import type { Application, ApplicationService } from './application-service.ts';
import { ownUrls } from './application-wire.ts';
import { contextClassOf } from './authn-context.ts';
import { pemOf, signingCertificates } from './certificate.ts';
import { samlApplicationSignedIn, samlApplicationRequestRefused } from './events.ts';
import { isOver } from './expiry.ts';
import type { PendingRequest, PendingRequests } from './pending-requests.ts';
import type { PersistentNames } from './persistent-names.ts';
import type { SamlSessions } from './saml-sessions.ts';
import { authorizationOf, defaultConsumer, failureOf, readSignInRequest } from './sign-in-request.ts';
import { scopesFor, type ToldUser } from './told-user.ts';
import { SESSION_KNOWN_FOR } from './limits.ts';

/** The next step of a request of an application. */
export type Begun =
  | { kind: 'sign_in'; path: string }
  | { kind: 'answered'; form: AnswerForm }
  | { kind: 'refused'; application: string | null };
/** The end of a sign-in that comes back; `over`: too late, a second time, or in another browser. */
type Finished = { kind: 'answered'; form: AnswerForm } | { kind: 'over' };

export type SingleSignOnDependencies = AnswerDependencies & {
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  applications: Pick<ApplicationService, 'find'>;
  messages: Pick<MessageReader, 'readAuthnRequest'>;
  completed: Pick<CompletedSignIns, 'redeem'>;
};
type Parts = {
  pending: PendingRequests;
  names: PersistentNames;
  sessions: SamlSessions;
  told: ToldUser;
  answers: Answers;
};

/** Sign-ins at applications: a request becomes an authorization request of the client, and its outcome an answer. */
export class SingleSignOn {
  readonly #deps: SingleSignOnDependencies;
  readonly #parts: Parts;

  constructor(dependencies: SingleSignOnDependencies, parts: Parts) {
    this.#deps = dependencies;
    this.#parts = parts;
  }

  /** `relayState`: of the form; a query has its own. */
  async begin(
    clientId: string,
    { received, relayState: posted }: { received: Received; relayState: string | null },
    by: By,
  ): Promise<Begun> {
    const { clock, issuer, messages } = this.#deps;
    const application = await this.#open(clientId);
    if (application === null) return { kind: 'refused', application: null };
    const { client, provider } = application;
    const refuse = async (reason: string): Promise<Begun> => {
      await this.#noteRefusal(application, reason, by);
      return { kind: 'refused', application: client.name };
    };
    const now = clock.now();
    if (isOver(provider, now)) return refuse('metadata_over');
    const read = await messages.readAuthnRequest(received, {
      certificates: signingCertificates(provider.certificates, now).map(pemOf),
      isSigned: provider.requiresSignedRequests,
    });
    if (read.kind === 'refused') return refuse(read.reason);
    const request = read.value;
    const checked = checkMessage(request, {
      now,
      issuer: provider.entityId,
      destination: ownUrls(issuer, client.clientId).sso,
    });
    if (checked.kind === 'refused') return refuse(checked.reason);
    const asked = readSignInRequest(request, provider);
    if (asked.kind === 'refused') return refuse(asked.reason);
    const relayState = received.binding === 'redirect' ? read.relayState : posted;
    const answer = { consumerUrl: asked.consumerUrl, requestId: request.id, relayState };
    if (asked.kind === 'answered')
      return { kind: 'answered', form: await this.#parts.answers.failure(application, answer, asked.failure) };
    const { nameIdFormat, requestedContext, level } = asked;
    const { isPassive } = request;
    const pending = { ...answer, nameIdFormat, requestedContext, isPassive };
    return this.#signIn(application, pending, authorizationOf(request, level));
  }

  /** A sign-in that begins here (SAML Profiles §4.1.5), for an application whose operator allows it. */
  async launch(clientId: string, organization: string | null): Promise<Begun> {
    const application = await this.#open(clientId);
    if (application === null || !application.provider.isLaunchable) return { kind: 'refused', application: null };
    const { client, provider } = application;
    if (isOver(provider, this.#deps.clock.now())) return { kind: 'refused', application: client.name };
    const pending = {
      requestId: null,
      consumerUrl: defaultConsumer(provider.consumers).url,
      relayState: provider.launchRelayState ?? null,
      nameIdFormat: provider.nameIdFormat,
      requestedContext: null,
      isPassive: false,
    };
    return this.#signIn(application, pending, organization === null ? {} : { organization });
  }

  /** `sessionId`: of the session in this browser. Another browser has another one, and its sign-in is worth nothing here. */
  async finish(
    clientId: string,
    answer: { code: unknown; state: unknown; error: unknown },
    { sessionId, by }: { sessionId: string | null; by: By },
  ): Promise<Finished> {
    const application = await this.#open(clientId);
    const pending = application && (await this.#parts.pending.take(answer.state));
    if (!application || pending?.clientId !== clientId) return { kind: 'over' };
    if (typeof answer.error === 'string')
      return {
        kind: 'answered',
        form: await this.#parts.answers.failure(application, pending, failureOf(answer.error)),
      };
    if (typeof answer.code !== 'string') return { kind: 'over' };
    const signIn = await this.#deps.completed.redeem(answer.code, {
      clientId,
      redirectUri: `${this.#deps.issuer}${samlReturnPath(clientId)}`,
      codeVerifier: pending.codeVerifier,
    });
    if (signIn === null || signIn.sessionId !== sessionId) return { kind: 'over' };
    return { kind: 'answered', form: await this.#answer(application, pending, signIn, by) };
  }

  async #answer(
    application: Application,
    pending: PendingRequest,
    signIn: CompletedSignIn,
    by: By,
  ): Promise<AnswerForm> {
    const { client, provider } = application;
    const { names, told, answers, sessions } = this.#parts;
    const userId = signIn.accountId as UserId;
    const persistent = await names.settle(client.id, userId);
    const parties = { ours: ownUrls(this.#deps.issuer, client.clientId).metadata, theirs: provider.entityId };
    const [nameId, attributes] = await Promise.all([
      told.nameId(pending.nameIdFormat, { userId, persistent }, parties),
      told.attributes(application, { userId, organizationId: signIn.organizationId, scopes: signIn.scopes }),
    ]);
    if (nameId === null) return answers.failure(application, pending, 'name_id');
    const form = await answers.success(application, pending, {
      nameId,
      attributes,
      contextClass: contextClassOf(signIn, pending.requestedContext),
      authTime: signIn.authTime,
      sessionIndex: signIn.sid,
    });
    await sessions.note({
      client: client.id,
      userId,
      sessionId: signIn.sessionId,
      sessionIndex: signIn.sid,
      name: nameId,
      expiresAt: fromNow(this.#deps.clock, SESSION_KNOWN_FOR),
    });
    const { organizationId } = signIn;
    await this.#deps.database.transaction((em) =>
      this.#deps.audit.record(
        em,
        samlApplicationSignedIn({
          ...byUser(userId, by.visitor, client.clientId),
          subject: { type: 'user', id: userId },
          sessionId: signIn.sessionId,
          ...(organizationId === null ? {} : { organizationId }),
          details: { entity_id: provider.entityId, name_id_format: pending.nameIdFormat },
        }),
      ),
    );
    return form;
  }

  async #open(clientId: string): Promise<Application | null> {
    const application = await this.#deps.applications.find(clientId);
    return application === null || application.client.disabled ? null : application;
  }

  async #signIn(
    application: Application,
    pending: Omit<PendingRequest, 'clientId' | 'codeVerifier'>,
    more: Record<string, string>,
  ): Promise<Begun> {
    const { clientId } = application.client;
    const codeVerifier = randomSecret();
    const state = await this.#parts.pending.keep({ ...pending, clientId, codeVerifier });
    const query = new URLSearchParams({
      client_id: clientId,
      redirect_uri: `${this.#deps.issuer}${samlReturnPath(clientId)}`,
      response_type: 'code',
      scope: scopesFor(application).join(' '),
      code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
      code_challenge_method: 'S256',
      state,
      ...more,
    });
    return { kind: 'sign_in', path: `/oidc/auth?${query.toString()}` };
  }

  async #noteRefusal({ client, provider }: Application, reason: string, by: By): Promise<void> {
    await this.#deps.database.transaction((em) =>
      this.#deps.audit.record(
        em,
        samlApplicationRequestRefused({
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
