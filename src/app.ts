/** The composition root: the kernel, then the slices from the bottom up, then what is mounted where. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PGlite } from '@electric-sql/pglite';
import { createAudit } from '#audit/module.ts';
import { clientCommands } from '#clients/commands.ts';
import { createClients, purgeExpiredSecrets } from '#clients/module.ts';
import { consentCommands, ConsentService, createConsent } from '#consent/module.ts';
import { createCredentials } from '#credentials/module.ts';
import { userCommands } from '#credentials/user-commands.ts';
import { createDevice } from '#device/module.ts';
import { createInteraction } from '#interaction/module.ts';
import { brandOf, brandStylesheet } from '#kernel/brand.ts';
import { type Clock, SECOND } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Commands } from '#kernel/control.ts';
import { type Database, openDatabase } from '#kernel/database.ts';
import { createAddressResolver } from '#kernel/http/client-address.ts';
import { createClientCertificates } from '#kernel/http/client-certificate.ts';
import { createEdge } from '#kernel/http/edge.ts';
import { createOutbound, KEY_SET_LIMITS } from '#kernel/http/outbound.ts';
import { loadStaticFiles } from '#kernel/http/static.ts';
import { languages } from '#kernel/i18n.ts';
import { createInvalidation } from '#kernel/invalidation.ts';
import { createJobs } from '#kernel/jobs.ts';
import type { Log } from '#kernel/log.ts';
import { createMail } from '#kernel/mail.ts';
import { openRedis } from '#kernel/redis/port.ts';
import { loadKeyRing } from '#kernel/secrets.ts';
import { createThrottle } from '#kernel/throttle.ts';
import { openTracing } from '#kernel/tracing.ts';
import { createRenderer } from '#kernel/views.ts';
import { keyCommands } from '#keys/commands.ts';
import { createKeys, keyPolicy, maintenance } from '#keys/module.ts';
import { addressLimit, createLogin } from '#login/module.ts';
import { createLogout } from '#logout/module.ts';
import { createMailbox } from '#mailbox/module.ts';
import { createOidc, purgeExpired } from '#oidc/module.ts';
import { createSessions, sessionCommands } from '#sessions/module.ts';
import { settingsCommands } from '#settings/commands.ts';
import { createSettings } from '#settings/module.ts';
import { createSetup } from '#setup/module.ts';
import { createUsers, type UserId } from '#users/module.ts';
import { createWelcome } from '#welcome/module.ts';
import { entities } from './entities.ts';
import { siteMap } from './site-map.ts';

export type AppDependencies = {
  config: Config;
  log: Log;
  clock: Clock;
  /** A prepared embedded database, for tests. */
  pglite?: PGlite;
};

export type App = Awaited<ReturnType<typeof createApp>>;

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Opens the database, migrates it and puts the product together. Listening is the server's business. */
export async function createApp(dependencies: AppDependencies) {
  const { config, log, pglite } = dependencies;
  const keyRing = await loadKeyRing(config);
  const database = await openDatabase({ config, log, entities, ...(pglite ? { pglite } : {}) });
  try {
    await database.migrate();
    return await assemble(dependencies, keyRing, database);
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function assemble({ config, log, clock }: AppDependencies, keyRing: KeyRing, database: Database) {
  const redis = openRedis({ url: config.redisUrl, log });
  const invalidation = createInvalidation({ redis, database, databaseUrl: config.databaseUrl, log });
  const throttle = createThrottle({ redis, processes: config.webConcurrency });
  const outbound = createOutbound({ allow: config.outboundAllow, log, ownHosts: [config.issuerUrl.hostname] });
  const jobs = createJobs({ database, config, keyRing, clock, log });
  const mailbox = createMailbox({ config, database, keyRing, clock });
  const mailer = createMail({ config, clock, database, jobs, log, mailbox: mailbox?.mailbox });

  const metrics = config.metricsPort === undefined ? undefined : (await import('#kernel/metrics.ts')).createMetrics();
  const tracing = await openTracing(config);
  if (database.pool) {
    metrics?.watchDatabasePool(database.pool);
    tracing?.watchQueries(database.pool);
  }

  const { log: audit } = createAudit({ clock, database });
  const { settings } = createSettings({
    clock,
    database,
    audit,
    announce: () => invalidation.publish('settings', 'all'),
  });
  const followSettings = () =>
    void settings.reload().catch((err: unknown) => log.warn({ err }, 'settings not read again; the known ones stay'));
  invalidation.subscribe('settings', { changed: followSettings, resync: followSettings });
  await settings.reload();
  const { users } = createUsers({
    clock,
    database,
    audit,
    disabled: async (em, id, by) => void (await sessions.endAllIn(em, id, by)),
  });
  const clients = createClients({ clock, database, keyRing, audit, invalidation });
  const keys = createKeys({
    clock,
    database,
    keyRing,
    log,
    audit,
    policy: () => keyPolicy(settings.all()),
    announce: () => invalidation.publish('keys', 'all'),
  });
  invalidation.subscribe('keys', {
    changed: () => void keys.service.follow(),
    resync: () => void keys.service.follow(),
  });
  await keys.start();
  const stopWatchingKeys = keys.service.watch();
  const credentials = createCredentials({ clock, database, settings });
  metrics?.watchHashing({ depth: () => credentials.hashing.depth });
  const consents = new ConsentService(clock, database, audit, (em, userId, clientId) =>
    oidc.browsers.endGrants(em, userId, clientId),
  );

  const logout = createLogout({ users, signInUrl: config.embedded ? '/demo' : null });
  const device = createDevice({ clock, users, apis: clients.apiLookup });
  const oidc = createOidc({
    config,
    clock,
    keyRing,
    database,
    audit,
    settings,
    users,
    clients: {
      findForEngine: (clientId) => clients.lookup.findForEngine(clientId),
      verifySecret: (clientId, secret) => clients.lookup.verifySecret(clientId, secret),
      saveRegistered: (metadata) => clients.registered.saveRegistered(metadata),
      removeRegistered: (clientId) => clients.registered.removeRegistered(clientId),
    },
    hasOrigin: (origin) => clients.origins.has(origin),
    apis: clients.apiLookup,
    keys: keys.service,
    findConsent: async (accountId, clientId) =>
      (await clients.lookup.find(clientId))?.firstParty ? 'everything' : consents.find(accountId as UserId, clientId),
    pages: { ...logout.pages, ...device.pages },
    languages: Object.keys(languages),
    certificates:
      config.tls?.clientCaFile || config.clientCertHeader
        ? createClientCertificates({
            header: config.clientCertHeader,
            addresses: createAddressResolver(config.trustedProxies),
          })
        : null,
    fetch: outbound.limited(KEY_SET_LIMITS),
    jobs,
    throttle,
    redis,
    countToken: metrics?.countToken,
  });
  const { sessions } = createSessions({ database, audit, browsers: oidc.browsers });
  const interaction = createInteraction({ clock, database, engine: oidc.interactions });
  const login = createLogin({
    config,
    clock,
    users,
    ...credentials,
    interactions: interaction.interactions,
    addressLimit: addressLimit(throttle, () => settings.policy('limits').passwordFailuresPerAddress),
    audit,
    ...(metrics ? { counted: metrics.countSignIn } : {}),
  });
  const consent = createConsent({
    interactions: interaction.interactions,
    engine: oidc.interactions,
    consents,
    users,
    apis: clients.apiLookup,
  });
  const setup = createSetup({
    clock,
    database,
    users,
    passwords: credentials.passwords,
    minimumLength: () => settings.policy('password').minimumLength,
    startUrl: config.embedded ? '/' : null,
  });
  const mailboxUrl = mailbox ? '/dev/mailbox' : null;
  const welcome = createWelcome({ issuer: config.issuer, version, mailboxUrl });
  // With what it needs to be a relying party it is loaded only where it is shown.
  const demo = config.embedded
    ? (await import('#demo/module.ts')).createDemo({ config, clock, log, clients: clients.clients, mailboxUrl })
    : null;
  await demo?.register();

  const files = loadStaticFiles();
  const brand = () => brandOf(settings.policy('branding'));
  const publishBrand = () => files.publish('brand.css', brandStylesheet(brand()));
  publishBrand();
  settings.onChange(publishBrand);
  const renderer = createRenderer({ brand, assetUrl: (name) => files.url(name) });
  const edge = createEdge({
    config,
    log,
    clock,
    keyRing,
    renderer,
    mounts: siteMap(config),
    tracing,
    ...(metrics ? { observe: metrics.observeRequest } : {}),
  });
  edge.keys = oidc.cookieKeys;
  keys.service.onChange(() => edge.forgetReady());
  settings.onChange(() => edge.forgetReady());
  // Ahead of our own routes, which would each have a look at what is asked of the engine most.
  edge.use(async (ctx, next) => (ctx.state.mount?.delegated ? oidc.middleware(ctx as never, next) : next()));
  edge.use(files.serve as never);
  const routers = [
    interaction.routes,
    login.routes,
    consent.routes,
    setup.routes,
    ...(demo ? [welcome.routes, demo.routes] : []),
    ...(mailbox ? [mailbox.routes] : []),
  ];
  for (const routes of routers) edge.use(routes.routes() as never);
  edge.use(oidc.middleware as never);

  const commands: Commands = {
    ...clientCommands(clients),
    ...keyCommands({
      ...keys,
      sealed: { 'signing keys': () => keys.service.reencrypt(), 'client secrets': () => clients.secrets.reencrypt() },
    }),
    'audit.verify': async () => audit.verify(),
    ...userCommands({ database, users, passwords: credentials.passwords }),
    ...consentCommands(consents),
    ...sessionCommands(sessions),
    ...settingsCommands(settings),
    ...oidc.commands,
  };

  jobs.define('keys', maintenance(keys.rotation));
  jobs.define('client-secrets', purgeExpiredSecrets(clients.secrets));
  jobs.define(
    'clean-up',
    purgeExpired({
      ...oidc.purges,
      progress: (batch) => interaction.progress.purge(batch),
      attempts: (batch) => credentials.attempts.purge(batch),
      devices: (batch) => credentials.knownDevices.purge(batch),
    }),
  );
  await jobs.open();

  return {
    callback: edge.callback() as (req: IncomingMessage, res: ServerResponse) => void,
    checks: { database: () => database.sql('select 1'), ...(redis ? { redis: () => redis.get('probe') } : {}) },
    metrics,
    commands,
    database,
    mailer,
    passwords: credentials.passwords,
    settings,
    setup: setup.setup,
    /** Begins to work on jobs, which a process that runs one command leaves to those that serve. */
    startJobs: () => jobs.start(),
    async close(): Promise<void> {
      stopWatchingKeys();
      await jobs.stop(SECOND);
      await demo?.close();
      await invalidation.close();
      redis?.close();
      await database.close();
      await tracing?.close();
    },
  };
}
