/** SAML messages and our keys for them, for both roles. */
import { createSamlKeys } from '#saml/keys/module.ts';
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
