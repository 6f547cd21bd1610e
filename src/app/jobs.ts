/** What is done behind the requests, on a schedule. */
import { purgeExpiredSecrets } from '#clients/module.ts';
import { maintenance } from '#keys/module.ts';
import { purgeExpired } from '#oidc/module.ts';
import type { Kernel } from './kernel.ts';
import type { Nouns } from './nouns.ts';
import type { Provider } from './provider.ts';
import type { Steps } from './steps.ts';

export function defineJobs(
  { jobs }: Kernel,
  { keys, clients, contacts, credentials, look, progress }: Nouns,
  { oidc }: Provider,
  { risk, comingIn, account }: Steps,
): void {
  jobs.define('keys', maintenance(keys.rotation));
  jobs.define('client-secrets', purgeExpiredSecrets(clients.secrets));
  jobs.define(
    'clean-up',
    purgeExpired({
      ...oidc.purges,
      progress: (batch) => progress.purge(batch),
      risk: (batch) => risk.purge(batch),
      brands: (batch) => look.branding.brands.purge(batch),
      attempts: (batch) => credentials.attempts.purge(batch),
      devices: (batch) => credentials.knownDevices.purge(batch),
      totpEnrolments: (batch) => credentials.totpEnrolments.purge(batch),
      recoveryCodes: (batch) => credentials.recoveryCodes.purge(batch),
      trustedDevices: (batch) => credentials.trustedDevices.purge(batch),
      webauthnChallenges: (batch) => credentials.webauthnChallenges.purge(batch),
      registrations: (batch) => comingIn.purge(batch),
      contacts: (batch) => contacts.purge(batch),
      closedAccounts: (batch) => account.closing.purge(batch),
      oneTimeSecrets: (batch) => credentials.oneTimeSecrets.purge(batch),
    }),
  );
}
