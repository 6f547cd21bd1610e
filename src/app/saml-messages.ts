/** SAML messages and our keys for them, for both roles. */
import { createSamlKeys } from '#saml/keys/module.ts';
import { createSamlRecords as createRecords } from '#saml/applications/module.ts';
import { createMessages } from '#saml/messages/module.ts';
import type { Kernel } from './kernel.ts';

/** Creates the reader of messages and the keys. Neither costs anything before the first message. */
export function createSamlMessages(
  { config, clock, database, keyRing, invalidation }: Kernel,
  { audit }: Pick<Parameters<typeof createSamlKeys>[0], 'audit'>,
) {
  return {
    messages: createMessages(),
    keys: createSamlKeys({ clock, database, keyRing, audit, invalidation, issuerUrl: config.issuerUrl }),
  };
}

type RecordParts = Pick<
  Parameters<typeof createRecords>[0],
  'audit' | 'clients' | 'accessRevocation' | 'memberships' | 'used'
> & {
  saml: ReturnType<typeof createSamlMessages>;
};
export type SamlRecords = ReturnType<typeof createSamlRecords>;

/** Creates the applications that speak SAML, and their logout: the provider tells them of the ends of sessions. */
export function createSamlRecords(
  { clock, config, database, keyRing, outbound, log }: Kernel,
  { audit, clients, accessRevocation, memberships, used, saml }: RecordParts,
) {
  return createRecords({
    clock,
    database,
    keyRing,
    audit,
    issuer: config.issuer,
    clients,
    accessRevocation,
    memberships,
    used,
    messages: saml.messages,
    keys: saml.keys.service,
    fetch: outbound.fetch,
    log,
  });
}
