import type { AuditLog, AuditReader, By, ShownEventType } from '#audit/module.ts';
import { SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { TrustedDevices } from '#credentials/module.ts';
import type { SessionService } from '#oidc/sessions/module.ts';
import type { Policies } from '#settings/module.ts';
import type { ContactService } from '#directory/contacts/module.ts';
import type { IdentityBulk } from '#directory/identities/module.ts';
import type { User, UserActivity } from '#directory/users/module.ts';
import { toldEvents } from '../activity/shown-events.ts';
import type { ConnectedApps } from '../apps/connected-apps.ts';
import type { Methods } from '../security/methods.ts';
import type { OwnerLetters } from '../owner-letters.ts';
import { MOST_EXPORTED_EVENTS } from '../limits.ts';
import { userDataDownloaded } from '../events.ts';

type DataExportDependencies = {
  contacts: Pick<ContactService, 'list'>;
  identityBulk: Pick<IdentityBulk, 'listOf'>;
  activity: Pick<UserActivity, 'of'>;
  policies: Policies<'profile'>;
  methods: Methods;
  trustedDevices: Pick<TrustedDevices, 'list'>;
  sessions: Pick<SessionService, 'list'>;
  apps: Pick<ConnectedApps, 'list'>;
  events: Pick<AuditReader, 'listOfUser'>;
  catalogue: readonly ShownEventType[];
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  letters: Pick<OwnerLetters, 'send'>;
};

/**
 * The stored data of a user for download: without operator-only properties and events, and without the secrets of credentials, which
 * are only listed.
 */
export class DataExport {
  readonly #deps: DataExportDependencies;

  constructor(dependencies: DataExportDependencies) {
    this.#deps = dependencies;
  }

  /** Recorded in the audit log, with a notice to the owner. */
  async download(user: User, by: By): Promise<Record<string, unknown>> {
    const { database, audit, letters } = this.#deps;
    const data = await this.#of(user);
    await database.transaction(async (em) => {
      await audit.record(em, userDataDownloaded({ ...by, subject: { type: 'user', id: user.id } }));
      await letters.send(em, user, 'data_downloaded', by);
    });
    return data;
  }

  async #of(user: User): Promise<Record<string, unknown>> {
    const { contacts, identityBulk, activity, policies, methods, trustedDevices, sessions, apps, events, catalogue } =
      this.#deps;
    const types = [...toldEvents(catalogue).keys()];
    const [lastActiveAt, emails, phones, identities, known, trusted, browsers, connected, happened] = await Promise.all(
      [
        activity.of(user.id),
        contacts.list(user.id, 'email'),
        contacts.list(user.id, 'phone'),
        identityBulk.listOf([user.id]),
        methods.find(user.id),
        trustedDevices.list(user.id),
        sessions.list(user.id),
        apps.list(user.id),
        events.listOfUser(user.id, { types, limit: MOST_EXPORTED_EVENTS }),
      ],
    );
    const { properties } = policies.for({ user: user.id }).profile;
    const hidden = new Set(properties.flatMap(({ name, visibility }) => (visibility === 'operator' ? name : [])));
    return {
      id: user.id,
      username: user.username,
      legacy_id: user.legacyId,
      created_at: user.createdAt,
      updated_at: user.updatedAt,
      last_active_at: lastActiveAt,
      profile: user.profile,
      properties: Object.fromEntries(Object.entries(user.properties).filter(([name]) => !hidden.has(name))),
      theme: user.theme,
      terms: user.termsVersion === null ? null : { version: user.termsVersion, accepted_at: user.termsAcceptedAt },
      emails: emails.map(({ value, isFirst, isVerified }) => ({ email: value, first: isFirst, verified: isVerified })),
      phones: phones.map(({ value, isFirst, isVerified }) => ({ phone: value, first: isFirst, verified: isVerified })),
      identities: identities.map(({ connection, issuer, subject }) => ({ connection, issuer, subject })),
      sign_in: {
        password: known.passwordChangedAt && { changed_at: known.passwordChangedAt },
        passkeys: known.passkeys.map(({ id, name, authenticator, backup, createdAt, lastUsedAt }) => ({
          id,
          name,
          authenticator,
          backup,
          created_at: createdAt,
          last_used_at: lastUsedAt,
        })),
        authenticator_app: known.app && { name: known.app.name, added_at: known.app.createdAt },
        recovery_codes: known.codes && { left: known.codes.left, made_at: known.codes.createdAt },
        trusted_browsers: trusted.map(({ userAgent, ip, createdAt, expiresAt }) => ({
          user_agent: userAgent,
          ip,
          trusted_at: createdAt,
          expires_at: expiresAt,
        })),
      },
      sessions: browsers.map(({ id, signedInAt, expiresAt, lastSeen }) => ({
        id,
        signed_in_at: new Date(signedInAt * SECOND),
        expires_at: new Date(expiresAt * SECOND),
        last_seen_at: lastSeen && new Date(lastSeen.at * SECOND),
        ip: lastSeen?.ip ?? null,
        user_agent: lastSeen?.userAgent ?? null,
      })),
      apps: connected.map(({ id, name, since, scopes }) => ({
        client_id: id,
        name,
        since,
        scopes: scopes.map((scope) => scope.name),
      })),
      activity: happened.map(({ at, type, outcome, clientId, ip, userAgent, details }) => ({
        at,
        type,
        outcome,
        client_id: clientId,
        ip,
        user_agent: userAgent,
        details,
      })),
    };
  }
}
