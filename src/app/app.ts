/** The composition root: the kernel, then the slices from the bottom up, then what is mounted where. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PGlite } from '@electric-sql/pglite';
import { createApiStores } from '#api/module.ts';
import { operator } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { DataFolder } from '#kernel/data-folder/data-folder.ts';
import { type Database, openDatabase } from '#kernel/database.ts';
import type { HashCost } from '#credentials/module.ts';
import { checksOf } from '#kernel/http/health.ts';
import { createEdge } from '#kernel/http/edge.ts';
import type { Outbound } from '#kernel/http/outbound.ts';
import type { Log } from '#kernel/log.ts';
import { runFor } from '#kernel/operations/bound-operation.ts';
import { loadKeyRing } from '#kernel/secrets.ts';
import { cleanEmail } from '#directory/users/module.ts';
import { createWelcome } from '#trial/welcome/module.ts';
import { createManagementApi } from './api.ts';
import { defineJobs } from './jobs.ts';
import { createInstanceDoctor } from './doctor.ts';
import { openKernel } from './kernel.ts';
import { createNouns } from './nouns.ts';
import { createOperations } from './bound-operations.ts';
import { createProvider } from './provider.ts';
import { createCertificateLetters, createSaml } from './saml.ts';
import { createSamlRecords } from './saml-messages.ts';
import { createSteps } from './steps.ts';
import { entities } from './entities.ts';
import { openTogether } from './opening.ts';
import { siteMap } from './site-map.ts';

export type AppDependencies = {
  config: Config;
  log: Log;
  clock: Clock;
  /** The folder of the embedded database, owned by this process. */
  folder?: DataFolder | undefined;
  /** A prepared embedded database, for tests. */
  pglite?: PGlite;
  /** The cost of a password hash, for tests of other features; by default the safe cost. */
  hashCost?: HashCost;
  /** The client for outgoing requests, for tests that stand in for hosts of others. */
  outbound?: Outbound;
};

export type App = Awaited<ReturnType<typeof createApp>>;

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Opens the database, migrates it and puts the product together. Listening is the server's business. */
export async function createApp(dependencies: AppDependencies) {
  const { config, log, folder, pglite } = dependencies;
  return openTogether(log, async (opened) => {
    const keyRing = await loadKeyRing(config);
    const database = await openDatabase({ config, log, entities, folder, pglite });
    opened.defer(() => database.close());
    await database.migrate();
    return assemble(dependencies, keyRing, database, opened);
  });
}

async function assemble(
  dependencies: AppDependencies,
  keyRing: KeyRing,
  database: Database,
  opened: AsyncDisposableStack,
) {
  const { config, log, clock } = dependencies;
  const kernel = await openKernel(dependencies, keyRing, database, opened);
  const { redis, jobs, mailbox, metrics, tracing } = kernel;
  const nouns = await createNouns(kernel, dependencies.hashCost);
  const { audit, sealer, settings, keys, clients, credentials, look } = nouns;
  opened.defer(() => sealer.stop());
  opened.defer(() => nouns.activity.stop());
  opened.defer(() => audit.stop());
  opened.defer(keys.service.watch());
  opened.defer(() => nouns.saml.messages.close());
  const samlRecords = createSamlRecords(kernel, {
    audit,
    clients: clients.clients,
    accessRevocation: nouns.accessRevocation,
    memberships: nouns.memberships,
    used: nouns.connections.states,
    saml: nouns.saml,
  });
  const provider = createProvider(kernel, nouns, samlRecords);
  const steps = createSteps(kernel, nouns, provider, samlRecords);
  const saml = createSaml(kernel, nouns, provider, samlRecords);

  const mailboxUrl = mailbox ? '/dev/mailbox' : null;
  const welcome = createWelcome({ issuer: config.issuer, version, mailboxUrl, isTrial: config.embedded });
  // With what it needs to be a relying party it is loaded only where it is shown.
  const demo = config.embedded
    ? (await import('#trial/demo/module.ts')).createDemo({ config, clock, log, clients: clients.clients, mailboxUrl })
    : null;
  opened.defer(() => demo?.close());
  await demo?.register();

  const stores = createApiStores(kernel);
  const doctor = createInstanceDoctor(kernel, nouns, samlRecords);
  const operations = createOperations(kernel, nouns, provider, steps, saml, stores, doctor);
  const api = createManagementApi(kernel, nouns, provider, { operations, version, stores });

  const edge = createEdge({
    config,
    log,
    clock,
    keyRing,
    renderer: look.renderer,
    mounts: siteMap(config),
    tracing,
    observe: metrics?.observeRequest,
  });
  edge.keys = provider.oidc.cookieKeys;
  keys.service.onChange(() => edge.forgetReady());
  settings.onChange(() => edge.forgetReady());
  edge.use(steps.showGone);
  // Ahead of our own routes, which would each have a look at what is asked of the engine most.
  edge.use(provider.oidc.delegated);
  edge.use(look.branding.serveFiles);
  edge.use(steps.goOnWhenSentTwice);
  const routers = [
    provider.routes,
    steps.routes,
    saml.routes,
    look.branding.routes(provider.ownPages),
    welcome.routes,
    api.routes,
    api.explorer,
    demo?.routes,
    mailbox?.routes,
  ];
  edge.mount(routers.flat());
  edge.answerDirectly(api.direct);
  edge.use(api.refuseOtherMethods);
  edge.use(provider.oidc.middleware);

  defineJobs(kernel, nouns, provider, steps, saml, createCertificateLetters(kernel, nouns, samlRecords), stores);
  await jobs.open();

  return {
    callback: edge.callback() as (req: IncomingMessage, res: ServerResponse) => void,
    checks: checksOf({ database, redis }),
    routes: edge.routes,
    metrics,
    operations,
    /** Runs an operation for an operator: access to the server is the proof. */
    run: runFor(operations, operator, {
      user_id: (identifier) => nouns.users.findByIdentifier(cleanEmail(identifier)),
      organization_id: (slug) => nouns.organizations.organizations.findBySlug(slug),
    }),
    database,
    sealer,
    mailer: kernel.mailer,
    credentials,
    passwords: credentials.passwords,
    settings,
    setup: steps.setup,
    closing: steps.account.closing,
    close: () => opened.disposeAsync(),
    /** Brings connections to what variables say; a process that runs one command leaves this to those that serve. */
    applyEnvironment: () => nouns.connections.applyEnvironment(config.connectionVariables),
    /** Begins to work on jobs, which a process that runs one command leaves to those that serve. */
    async startJobs() {
      sealer.start();
      await jobs.start();
    },
  };
}
