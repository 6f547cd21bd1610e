import type { AuditLog } from '#audit/module.ts';
import type { MessageReader } from '#saml/messages/module.ts';
import { type DocumentDependencies, MetadataDocuments } from '#saml/metadata/module.ts';
import { Connection } from '../connection.ts';
import type { UsableConnections } from '../usable-connections.ts';
import type { UsedStates } from '../used-states.ts';
import { MetadataSource } from './metadata-source.ts';
import { type SamlConnectionDependencies, SamlConnections } from './saml-connections.ts';
import type { SamlKeys } from './saml-keys.ts';
import type { SamlLogout } from './saml-logout.ts';
import type { SamlProtocol } from './saml-protocol.ts';
import { SamlServiceProvider } from './saml-service-provider.ts';
import { serviceProviderOf } from './service-provider.ts';

export type SamlDependencies = Omit<SamlConnectionDependencies, 'source' | 'documents'> & {
  audit: Pick<AuditLog, 'record' | 'note'>;
  issuer: string;
  outbound: DocumentDependencies['outbound'];
  messages: Pick<MessageReader, 'readMetadata' | 'readResponse' | 'readLogoutRequest' | 'readLogoutResponse'>;
  /** Of this instance. */
  samlKeys: SamlKeys;
  usable: UsableConnections;
  used: Pick<UsedStates, 'use'>;
};

/** Creates the part of the connections that speaks SAML. */
export function createSaml(dependencies: SamlDependencies) {
  const { audit, clock, database, issuer, messages, samlKeys: keys, usable, used } = dependencies;
  const documents = new MetadataDocuments(dependencies);
  const source = new MetadataSource({ clock, documents });
  const connections = new SamlConnections({ ...dependencies, documents, source });
  const parts = { clock, issuer, keys, messages, used, find: (id: Connection['id']) => connections.find(id) };
  let loaded: Promise<SamlProtocol> | undefined;
  const protocol = () =>
    (loaded ??= import('./saml-protocol.ts').then(({ SamlProtocol: Protocol }) => new Protocol(parts)));
  let loadedLogout: Promise<SamlLogout> | undefined;
  const logout = () =>
    (loadedLogout ??= import('./saml-logout.ts').then(({ SamlLogout: Logout }) => new Logout(parts)));
  const ours = new SamlServiceProvider({
    audit,
    issuer,
    keys,
    find: (slug) => database.em().findOne(Connection, { slug, provider: 'saml' }),
    async findUsable(slug) {
      const connection = await usable.find(slug);
      return connection?.provider === 'saml' ? connection : null;
    },
    protocol,
    logout,
  });
  return {
    connections,
    logout,
    ours,
    protocol,
    serviceProvider: (connection: Connection) => serviceProviderOf(issuer, connection),
  };
}
