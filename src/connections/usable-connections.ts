import type { KnownOrganizations, OrganizationId } from '#directory/organizations/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { Outbound } from '#kernel/http/outbound.ts';
import { isConfigured } from './connection-rules.ts';
import { Connection, sealPlace } from './connection.ts';
import { LARGEST_DOCUMENT, LARGEST_TOKEN_ANSWER, UPSTREAM_TIMEOUT } from './limits.ts';
import type { ProviderName } from './providers/provider.ts';
import { providers } from './providers/providers.ts';
import type { Transaction } from './transaction.ts';
import type { Upstream, UpstreamProtocol } from './upstream-protocol.ts';

export type UsableDependencies = {
  clock: Clock;
  database: Pick<Database, 'em'>;
  keyRing: Pick<KeyRing, 'seal' | 'open'>;
  outbound: Pick<Outbound, 'limited'>;
  /** Without a slash at its end. */
  issuer: string;
  organizations: Pick<KnownOrganizations, 'findById'>;
};

/** The connections whose providers may be asked now, and the protocol with which they are asked. */
export class UsableConnections {
  readonly #deps: UsableDependencies;
  #protocol: Promise<UpstreamProtocol> | undefined;

  constructor(dependencies: UsableDependencies) {
    this.#deps = dependencies;
  }

  /**
   * Read again for each use: a connection that was disabled or changed a moment ago counts as such on every node. One that is disabled can be
   * tested.
   */
  async find(slug: string, purpose?: Transaction['purpose']): Promise<Connection | null> {
    const connection = await this.#deps.database.em().findOne(Connection, { slug });
    if (connection === null || !isConfigured(connection)) return null;
    if (!connection.enabled && purpose !== 'test') return null;
    const { organizationId = null } = connection;
    return organizationId === null || (await this.isActive(organizationId)) ? connection : null;
  }

  async isActive(organizationId: OrganizationId): Promise<boolean> {
    return (await this.#deps.organizations.findById(organizationId))?.status === 'active';
  }

  open(connection: Connection): Upstream {
    const { keyRing, issuer } = this.#deps;
    const { id, sealedSecret = null, slug } = connection;
    return {
      connection,
      provider: providers[connection.provider as Exclude<ProviderName, 'saml'>],
      secret: sealedSecret === null ? '' : keyRing.open(sealedSecret, sealPlace(id)),
      redirectUri: callbackUrl(issuer, slug),
    };
  }

  protocol(): Promise<UpstreamProtocol> {
    const { clock, outbound } = this.#deps;
    const read = outbound.limited({ totalTimeout: UPSTREAM_TIMEOUT, maxBytes: LARGEST_DOCUMENT });
    const send = outbound.limited({ totalTimeout: UPSTREAM_TIMEOUT, maxBytes: LARGEST_TOKEN_ANSWER });
    const fetch: typeof read = (url, init) => (init?.method === 'POST' ? send : read)(url, init);
    return (this.#protocol ??= import('./upstream-protocol.ts').then(
      ({ UpstreamProtocol: Protocol }) => new Protocol({ clock, fetch }),
    ));
  }
}

/** The address that a provider sends the browser back to, and that is registered there. */
export const callbackUrl = (issuer: string, slug: string): string => `${issuer}/federation/${slug}/callback`;
