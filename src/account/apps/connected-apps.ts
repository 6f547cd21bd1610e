import type { AuditLog, By } from '#audit/module.ts';
import type { ApiLookup } from '#applications/apis/module.ts';
import { type ClientLookup, OWN_CLIENT_ID } from '#applications/clients/module.ts';
import type { OrganizationService } from '#directory/organizations/module.ts';
import type { Database } from '#kernel/database.ts';
import { parseId } from '#kernel/ids.ts';
import type { AppGrant, AppGrants } from '#oidc/module.ts';
import type { AccessRevocation, UserId } from '#directory/users/module.ts';
import type { ShownApp } from './apps-view.ts';
import { appNotFound } from '../errors.ts';
import { grantRevoked } from '../events.ts';

type Scopes = Pick<AppGrant, 'scopes' | 'resourceScopes'>;
/** A decision that is remembered when what came of it is over. */
type Consent = {
  clientId: string;
  scopes: readonly string[];
  resourceScopes: Readonly<Record<string, readonly string[]>>;
  /** The ids of the organizations about which the client learns. */
  organizations: readonly string[];
  createdAt: Date;
};

export type ConnectedAppsDependencies = {
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  grants: Pick<AppGrants, 'list'>;
  accessRevocation: AccessRevocation<'application without consent disconnected'>;
  consents: {
    list(userId: UserId): Promise<readonly Consent[]>;
    /** With what was issued on the strength of it. */
    revoke(userId: UserId, clientId: string, by: By): Promise<void>;
  };
  clients: Pick<ClientLookup, 'find'>;
  apis: Pick<ApiLookup, 'find'>;
  organizations: Pick<OrganizationService, 'findById'>;
};

/** Applications that may do something for a user: by a decision that is remembered, or by being the house's own. */
export class ConnectedApps {
  readonly #deps: ConnectedAppsDependencies;

  constructor(dependencies: ConnectedAppsDependencies) {
    this.#deps = dependencies;
  }

  /** By name. An app that is gone or switched off can do nothing and is left out. */
  async list(userId: UserId): Promise<ShownApp[]> {
    const [grants, consents] = await Promise.all([this.#deps.grants.list(userId), this.#deps.consents.list(userId)]);
    const ids = new Set([...grants, ...consents].map(({ clientId }) => clientId));
    ids.delete(OWN_CLIENT_ID);
    const apps = await Promise.all(
      [...ids].map((id) =>
        this.#shown(
          id,
          grants.find(({ clientId }) => clientId === id) ?? null,
          consents.find(({ clientId }) => clientId === id) ?? null,
        ),
      ),
    );
    return apps.filter((app) => app !== null).sort((a, b) => a.name.localeCompare(b.name));
  }

  /** Takes back all that an app may do; its tokens are dead with it. Throws account.app_not_found. */
  async revoke(userId: UserId, clientId: string, by: By): Promise<void> {
    const { consents, grants, database, accessRevocation, audit } = this.#deps;
    if ((await consents.list(userId)).some((consent) => consent.clientId === clientId))
      return consents.revoke(userId, clientId, by);
    const has = clientId !== OWN_CLIENT_ID && (await grants.list(userId)).some((grant) => grant.clientId === clientId);
    if (!has) throw appNotFound();
    return database.transaction(async (em) => {
      await accessRevocation.revoke(em, 'application without consent disconnected', userId, by, { clientId });
      await audit.record(em, grantRevoked({ ...by, subject: { type: 'user', id: userId }, clientId }));
    });
  }

  async #shown(id: string, grant: AppGrant | null, consent: Consent | null): Promise<ShownApp | null> {
    const client = await this.#deps.clients.find(id);
    if (!client) return null;
    const scopes: Scopes[] = [
      ...(grant ? [grant] : []),
      ...(consent ? [{ scopes: consent.scopes, resourceScopes: new Map(Object.entries(consent.resourceScopes)) }] : []),
    ];
    const since = Math.min(...[grant?.since, consent?.createdAt].flatMap((date) => (date ? [date.getTime()] : [])));
    const { client_uri: homeUrl = null } = client.metadata;
    return {
      id,
      name: client.name,
      homeUrl,
      since: new Date(since),
      scopes: await this.#scopes(scopes),
      organizations: await this.#organizations(consent?.organizations ?? []),
    };
  }

  /** By name, without those that are gone. */
  async #organizations(ids: readonly string[]): Promise<ShownApp['organizations']> {
    const found = await Promise.all(
      ids.flatMap((id) => parseId('org', id) ?? []).map((id) => this.#deps.organizations.findById(id)),
    );
    return found
      .filter((organization) => organization !== null)
      .map(({ name }) => ({ name }))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  async #scopes(all: readonly Scopes[]): Promise<ShownApp['scopes']> {
    const standard = new Set(all.flatMap(({ scopes }) => scopes));
    if (standard.size > 1) standard.delete('openid');
    const ofApis = new Map<string, readonly string[]>();
    for (const [identifier, scopes] of all.flatMap(({ resourceScopes }) => [...resourceScopes]))
      ofApis.set(identifier, [...new Set([...(ofApis.get(identifier) ?? []), ...scopes])]);
    const named = await Promise.all(
      [...ofApis].map(async ([identifier, scopes]) => {
        const api = await this.#deps.apis.find(identifier);
        return scopes.map((name) => ({
          name,
          description: api?.scopes.find((scope) => scope.name === name)?.description ?? null,
          api: api?.name ?? identifier,
        }));
      }),
    );
    return [...[...standard].map((name) => ({ name, description: null, api: null })), ...named.flat()];
  }
}
