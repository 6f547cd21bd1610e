/** The doctor, with the lines of other slices. */
import { unsafeClients } from '#applications/clients/module.ts';
import { createDoctor } from '#doctor/module.ts';
import { keyFindings } from '#oidc/keys/module.ts';
import { instance, unsafeSettings } from '#settings/module.ts';
import type { Kernel } from './kernel.ts';
import type { Nouns } from './nouns.ts';
import type { SamlRecords } from './saml-messages.ts';

/** Creates the doctor of this instance. */
export function createInstanceDoctor(
  { config, clock, log, database, redis }: Kernel,
  { connections, keys, saml, settings }: Nouns,
  { applications }: SamlRecords,
) {
  return createDoctor({
    config,
    clock,
    log,
    database,
    redis,
    others: {
      'signing keys': () => keyFindings({ keys: keys.service, policies: settings, clock }),
      settings: () => unsafeSettings(settings.for(instance)),
      clients: () => unsafeClients({ database }),
    },
    certificates: {
      keys: saml.keys.service,
      applications,
      connections: connections.saml,
      ownKeys: connections.connections,
    },
  });
}
