import { isDeepStrictEqual } from 'node:util';
import { readFile } from 'node:fs/promises';
import { system } from '#audit/module.ts';
import { ConfigError } from '#kernel/config.ts';
import { AppError } from '#kernel/errors.ts';
import { type GivenConnection, readConnections } from './connection-variables.ts';
import { environmentSettings } from './connection-rules.ts';
import type { ConnectionService } from './connection-service.ts';
import type { Connection } from './connection.ts';
import { connectionInvalid, slugTaken } from './errors.ts';
import { providerNames } from './providers/provider.ts';
import { titleOf } from './providers/providers.ts';

type Connections = Pick<ConnectionService, 'list' | 'create' | 'change' | 'hasSecret'>;

/** A connection as variables describe it. */
type EnvironmentConnection = Pick<Connection, 'slug' | 'provider' | 'clientId' | 'settings'> & {
  name: string | null;
  secret: string | null;
};

/** Brings the connections in the database to what the variables of this process say. Called before it serves. */
export async function applyEnvironment(
  variables: Readonly<Record<string, string>>,
  connections: Connections,
): Promise<void> {
  const given = readConnections(variables);
  if (typeof given === 'string') throw new ConfigError(given);
  for (const one of given) {
    try {
      await set(connections, await describe(one));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      throw new ConfigError(`The variables of the connection ${one.slug} cannot be used. ${error.message}`);
    }
  }
  // Those whose variables are gone are no longer offered, and operators change them again.
  const gone = (await connections.list(null)).filter(
    (row) => row.fromEnvironment && !given.some(({ slug }) => slug === row.slug),
  );
  for (const { slug } of gone)
    await connections.change(slug, { settings: {}, fromEnvironment: false, enabled: false }, system);
}

/** So that the connection is as variables say; the other members stay as operators chose them. */
async function set(connections: Connections, wanted: EnvironmentConnection): Promise<void> {
  const { slug, provider, name, clientId, secret, settings } = wanted;
  const present = (await connections.list(null)).find((row) => row.slug === slug);
  if (present === undefined) {
    const created = { slug, provider, name: name ?? titleOf(provider), clientId, secret, settings };
    try {
      await connections.create({ ...created, organizationId: null, fromEnvironment: true }, system);
      return;
    } catch (error) {
      const isTaken = error instanceof AppError && error.code === slugTaken.code;
      // Another node was first, or an organization has the slug.
      if (isTaken && (await connections.list(null)).some((row) => row.slug === slug)) return set(connections, wanted);
      throw error;
    }
  }
  if (present.provider !== provider) throw connectionInvalid('another connection has this slug');
  const isSame = environmentSettings.every((member) => isDeepStrictEqual(present.settings[member], settings[member]));
  const changes = {
    ...(present.fromEnvironment ? {} : { enabled: true }),
    ...(name === null || name === present.name ? {} : { name }),
    ...(clientId === present.clientId ? {} : { clientId }),
    ...(secret === null || connections.hasSecret(present, secret) ? {} : { secret }),
  };
  if (present.fromEnvironment && isSame && Object.keys(changes).length === 0) return;
  const next = Object.fromEntries(environmentSettings.map((member) => [member, settings[member] ?? null]));
  await connections.change(slug, { ...changes, settings: isSame ? {} : next, fromEnvironment: true }, system);
}

async function describe(given: GivenConnection): Promise<EnvironmentConnection> {
  const { slug, PROVIDER: named = slug } = given;
  const provider = providerNames.find((name) => name === named);
  if (provider === undefined)
    throw new ConfigError(`The connection ${slug} needs its variable PROVIDER: one of ${providerNames.join(', ')}.`);
  const settings = {
    issuer: given.ISSUER,
    scopes: given.SCOPE?.split(/\s+/).filter(Boolean),
    keyId: given.KEY_ID,
    clientCertificate:
      given.CLIENT_CERTIFICATE_FILE && (await readGiven(given.CLIENT_CERTIFICATE_FILE, 'client certificate', slug)),
    teamId: given.TEAM_ID,
  };
  return {
    slug,
    provider,
    name: given.NAME ?? null,
    clientId: given.CLIENT_ID ?? '',
    secret:
      given.CLIENT_SECRET ??
      (given.CLIENT_SECRET_FILE ? await readGiven(given.CLIENT_SECRET_FILE, 'client secret', slug) : null),
    settings: Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)),
  };
}

async function readGiven(file: string, content: string, slug: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch {
    throw new ConfigError(`The file ${file} with the ${content} of the connection ${slug} cannot be read.`);
  }
}
