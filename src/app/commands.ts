/** What the command line can ask of a running node, each slice's own. */
import { auditCommands } from '#audit/module.ts';
import { brandingCommands } from '#branding/module.ts';
import { clientCommands } from '#clients/commands.ts';
import { consentCommands } from '#consent/module.ts';
import { userCommands } from '#credentials/user-commands.ts';
import { type Commands, joinCommands } from '#kernel/control.ts';
import { databaseCommands } from '#kernel/database.ts';
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
  {
    audit,
    policies,
    settings,
    look,
    users,
    clients,
    apis,
    keys,
    credentials,
    migration,
    passwordDemands,
    access,
  }: Nouns,
  { consents, oidc, sessions }: Provider,
  { comingIn }: Steps,
): Commands {
  return joinCommands([
    clientCommands({ clients: clients.clients, secrets: clients.secrets, apis: apis.apis }),
    keyCommands({
      service: keys.service,
      rotation: keys.rotation,
      sealed: {
        'signing keys': () => keys.service.reencrypt(),
        'client secrets': () => clients.secrets.reencrypt(),
        'authenticator apps': () => credentials.totp.reencrypt(),
      },
    }),
    databaseCommands(database),
    auditCommands(audit),
    userCommands({
      database,
      users,
      passwordDemands,
      passwords: credentials.passwords,
      passkeys: credentials.passkeys,
      totp: credentials.totp,
      recoveryCodes: credentials.recoveryCodes,
      secondFactorOverviews: credentials.secondFactorOverviews,
    }),
    mfaCommands({
      database,
      users,
      audit,
      access,
      totp: credentials.totp,
      recoveryCodes: credentials.recoveryCodes,
      passkeys: credentials.passkeys,
      secondFactorAttempts: credentials.secondFactorAttempts,
      secondFactorRequests: credentials.secondFactorRequests,
      tellOwner: credentials.tellOwner,
    }),
    migration.commands,
    comingIn.commands,
    propertyCommands({ clock, database, audit, policies }),
    consentCommands(consents),
    sessionCommands(sessions),
    settingsCommands(settings),
    brandingCommands(look.branding.brands),
    oidc.commands,
  ]);
}
