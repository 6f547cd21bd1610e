import type { Id } from '#kernel/ids.ts';
import type { Log } from '#kernel/log.ts';
import type { OfferedProvider, Realm, SessionProvider } from '#sign-in/interaction/module.ts';
import type { UpstreamProviders } from './upstream-requests.ts';

type HomeRealm = {
  organizationId: Id<'org'>;
  connections: readonly OfferedProvider[];
  signIn: 'any' | 'connection' | 'connection_or_owner';
};
/** The organizations that own the domains of email addresses. */
export type Realms = {
  find(identifier: string): Promise<HomeRealm | null>;
  findByDomain(domain: string): Promise<HomeRealm | null>;
};

type Dependencies = {
  providers: Pick<UpstreamProviders, 'find'>;
  realms: Realms;
  log: Pick<Log, 'info'>;
  /** Whether policy lets sign-ins begin at providers: for the organization, or for the instance (null). */
  isOpenFor(organization: string | null): boolean;
};

/** Where a typed address or an authorization request leads, before any account is looked for. */
export function leads({ providers, realms, log, isOpenFor }: Dependencies) {
  return {
    async realmOf(identifier: string): Promise<Realm | null> {
      const realm = await realms.find(identifier);
      return realm && realmFor(realm, isOpenFor);
    },

    ofSession: findOpen,

    /**
     * The providers that a request names: one by its slug (`connection`), or all connections of a domain (`domain_hint`). A value without a meaning is
     * left aside, so that no answer tells which connections there are.
     */
    async askedBy(
      params: { connection?: unknown; domain_hint?: unknown },
      clientId: string,
    ): Promise<readonly OfferedProvider[]> {
      const { connection, domain_hint: domain } = params;
      if (typeof connection !== 'string' && typeof domain !== 'string') return [];
      const named = typeof connection === 'string' ? await findOpen(connection) : null;
      const asked = named !== null ? [named] : typeof domain === 'string' ? await findByDomain(domain) : [];
      if (asked.length === 0)
        log.info({ client: clientId }, 'a request names a connection or a domain that leads nowhere');
      return asked;
    },
  };

  async function findOpen(slug: string): Promise<SessionProvider | null> {
    const found = await providers.find(slug);
    return found !== null && isOpenFor(found.organizationId) ? found : null;
  }

  async function findByDomain(domain: string): Promise<readonly OfferedProvider[]> {
    const realm = await realms.findByDomain(domain.toLowerCase());
    return realm === null ? [] : realmFor(realm, isOpenFor).providers;
  }
}

function realmFor({ organizationId, connections, signIn }: HomeRealm, isOpenFor: Dependencies['isOpenFor']): Realm {
  return {
    organizationId,
    providers: isOpenFor(organizationId) ? connections : [],
    isClosed: signIn === 'connection',
    demandsConnection: signIn !== 'any',
  };
}
