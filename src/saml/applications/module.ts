/**
 * saml/applications: applications that sign users in by SAML, with this instance as their identity provider.
 *
 * Owns    the tables saml_service_provider, saml_request, saml_name_id, saml_session and saml_logout: entity identifier, addresses,
 *         certificates and rules of an application; requests and sign-outs under way; the names and sessions that
 *         applications know.
 * Leaves  the client to applications/clients, signing in to oidc, messages to saml/messages, our keys to saml/keys, the memory of used
 *         messages to connections.
 * URLs    /saml/applications/:service and below, /saml/logout.
 */
import type { Clock } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { leadingOut, type Mount, READ, READ_AND_SEND } from '#kernel/http/mounts.ts';
import type { KeyPair } from '#saml/messages/module.ts';
import { type DocumentDependencies, MetadataDocuments } from '#saml/metadata/module.ts';
import { Answers } from './answers.ts';
import { ApplicationMetadata } from './application-metadata.ts';
import { ApplicationService } from './application-service.ts';
import { CertificateWatch } from './certificate-watch.ts';
import { type LaunchDependencies, Launches } from './launches.ts';
import { logoutChains } from './logout/logout-chains.ts';
import { LogoutMessages } from './logout/logout-messages.ts';
import { type LogoutNoticeDependencies, LogoutNotices } from './logout/logout-notices.ts';
import { logoutRoutes } from './logout/logout-routes.ts';
import { LARGEST_FORM } from './limits.ts';
import { MetadataSource } from './metadata-source.ts';
import { pendingRequests } from './pending-requests.ts';
import { PersistentNames } from './persistent-names.ts';
import { applicationRoutes, type RouteDependencies } from './routes.ts';
import { SamlSessions } from './saml-sessions.ts';
import { SingleLogout, type SingleLogoutDependencies } from './logout/single-logout.ts';
import { SingleSignOn, type SingleSignOnDependencies } from './single-sign-on.ts';
import { ToldUser, type ToldUserDependencies } from './told-user.ts';

type RecordDependencies = LaunchDependencies &
  ConstructorParameters<typeof ApplicationService>[0] &
  Omit<SingleLogoutDependencies, 'applications'> &
  Omit<LogoutNoticeDependencies, 'applications'> & {
    database: Database;
    keyRing: Pick<KeyRing, 'seal' | 'open' | 'isCurrent'>;
    keys: { signingKey(): Promise<KeyPair> };
  };

/** Creates the applications that speak SAML, and their logout: it needs no provider, which tells it of the ends of sessions. */
export function createSamlRecords(dependencies: RecordDependencies) {
  const applications = new ApplicationService(dependencies);
  const sessions = new SamlSessions(dependencies);
  const chains = logoutChains(dependencies);
  const logoutMessages = new LogoutMessages(dependencies);
  const logout = new SingleLogout({ ...dependencies, applications }, { sessions, chains, logoutMessages });
  const notices = new LogoutNotices({ ...dependencies, applications }, { sessions, logoutMessages });
  return {
    applications,
    sessions,
    chains,
    logout,
    launches: new Launches(dependencies, applications),
    elsewhere: {
      detour: (sessionId: string, location: string) => logout.detour(sessionId, location),
      deliver: (notice: { clientId: string; sid: string | null }, signal: AbortSignal) =>
        notices.deliver(notice, signal),
    },
  };
}

export type Dependencies = ToldUserDependencies &
  DocumentDependencies &
  Omit<SingleSignOnDependencies, 'applications'> &
  Pick<RouteDependencies, 'current' | 'keys'> & {
    records: ReturnType<typeof createSamlRecords>;
    clock: Clock;
    database: Database;
    keyRing: Pick<KeyRing, 'seal' | 'open' | 'isCurrent'>;
  };

/** Creates the sign-in at applications that speak SAML, and what operators see of it. */
export function createSamlApplications({ records, ...dependencies }: Dependencies) {
  const { applications, sessions, chains, logout } = records;
  const pending = pendingRequests(dependencies);
  const names = new PersistentNames(dependencies);
  const told = new ToldUser(dependencies);
  const answers = new Answers(dependencies);
  const signOn = new SingleSignOn({ ...dependencies, applications }, { pending, names, sessions, told, answers });
  const documents = new MetadataDocuments(dependencies);
  const source = new MetadataSource({ documents });
  return {
    applications,
    source,
    metadata: new ApplicationMetadata({ ...dependencies, documents, source }),
    names,
    told,
    watch: new CertificateWatch(dependencies),
    pending,
    chains,
    /** Rows that end. */
    stores: [pending, sessions, chains],
    routes: [applicationRoutes({ ...dependencies, applications, signOn }), logoutRoutes(logout)],
  };
}

/** A form here ends at the application, which may redirect anywhere (CSP 3 §6.4.1). */
export const samlApplicationMounts: readonly Mount[] = [
  {
    path: '/saml/applications/*',
    audience: 'page',
    methods: READ_AND_SEND,
    getActs: true,
    bodyLimit: LARGEST_FORM,
    ...leadingOut,
  },
  { path: '/saml/logout', audience: 'page', methods: READ, getActs: true, ...leadingOut },
];

export type { ApplicationService } from './application-service.ts';
export { dueWarning } from './expiry.ts';
export { PersistentName } from './persistent-names.ts';
export { SamlLogout } from './logout/logout-chains.ts';
export { SamlRequest } from './pending-requests.ts';
export { SamlSession } from './saml-sessions.ts';
export { ServiceProvider } from './service-provider.ts';
