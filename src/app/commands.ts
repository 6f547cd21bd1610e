/** What the command line can ask of a running node, each slice's own. */
import { brandingCommands } from '#branding/module.ts';
import { clientCommands } from '#clients/commands.ts';
import { consentCommands } from '#consent/module.ts';
import { userCommands } from '#credentials/user-commands.ts';
import type { Commands } from '#kernel/control.ts';
import { keyCommands } from '#keys/commands.ts';
import { mfaCommands } from '#mfa/commands.ts';
import { sessionCommands } from '#sessions/module.ts';
import { settingsCommands } from '#settings/commands.ts';
import { propertyCommands } from '#users/module.ts';
import type { Kernel } from './kernel.ts';
import type { Nouns } from './nouns.ts';
import type { Provider } from './provider.ts';
import type { Steps } from './steps.ts';

export function createCommands(
  { clock, database }: Kernel,
  { audit, policies, settings, look, users, clients, keys, credentials, migration, passwordDemands, access }: Nouns,
  { consents, oidc, sessions }: Provider,
  { comingIn }: Steps,
): Commands {
  return {
    ...clientCommands(clients),
    ...keyCommands({
      ...keys,
      sealed: {
        'signing keys': () => keys.service.reencrypt(),
        'client secrets': () => clients.secrets.reencrypt(),
        'authenticator apps': () => credentials.totp.reencrypt(),
      },
    }),
    // Opening the database has migrated it; a running server is asked to look again.
    'database.migrate': async () => {
      await database.migrate();
      return { database: 'up to date' };
    },
    'audit.verify': async () => audit.verify(),
    ...userCommands({ ...credentials, database, users, passwordDemands }),
    ...mfaCommands({
      ...credentials,
      database,
      users,
      audit,
      access,
    }),
    ...migration.commands,
    ...comingIn.commands,
    ...propertyCommands({ clock, database, audit, policies }),
    ...consentCommands(consents),
    ...sessionCommands(sessions),
    ...settingsCommands(settings),
    ...brandingCommands(look.branding.brands),
    ...oidc.commands,
  };
}
