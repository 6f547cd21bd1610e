/** The scheduled jobs. */
import type { createApiStores } from '#api/module.ts';
import { checkpointJob, partitionJob } from '#audit/module.ts';
import { purgeExpiredSecrets } from '#applications/clients/module.ts';
import { maintenance } from '#oidc/keys/module.ts';
import { purgeExpired } from '#oidc/module.ts';
import { samlKeyMaintenance } from '#saml/keys/module.ts';
import type { Kernel } from './kernel.ts';
import type { Nouns } from './nouns.ts';
import type { Provider } from './provider.ts';
import type { CertificateLetters, Saml } from './saml.ts';
import type { Steps } from './steps.ts';

/** Defines the scheduled jobs: key rotation, and clean-ups of expired rows. */
export function defineJobs(
  { jobs }: Kernel,
  {
    checkpoints,
    endedAssignments,
    domains,
    partitions,
    keys,
    saml,
    clients,
    connections,
    contacts,
    credentials,
    look,
    organizations,
    organizationInvitations,
    progress,
  }: Nouns,
  { oidc, upstream }: Provider,
  { risk, comingIn, account }: Steps,
  samlApplications: Saml,
  certificateLetters: CertificateLetters,
  api: ReturnType<typeof createApiStores>,
): void {
  jobs.define('keys', maintenance(keys.rotation));
  jobs.define('saml-keys', samlKeyMaintenance(saml.keys.rollOver));
  jobs.define('organization-domains', domains.checks.job());
  jobs.define('audit-partitions', partitionJob(partitions));
  jobs.define('audit-checkpoint', checkpointJob(checkpoints));
  jobs.define('saml-certificates', samlApplications.watch.job());
  jobs.define('saml-certificate-letters', certificateLetters.expiry.job());
  jobs.define('saml-metadata', connections.saml.job());
  jobs.define('saml-application-metadata', samlApplications.metadata.job());
  jobs.define('client-secrets', purgeExpiredSecrets(clients.secrets));
  jobs.define(
    'clean-up',
    purgeExpired(
      [
        oidc.stores,
        progress,
        risk,
        look.branding.brands,
        look.branding.logos,
        credentials.attempts,
        credentials.knownDevices,
        credentials.totpEnrolments,
        credentials.recoveryCodes,
        credentials.trustedDevices,
        credentials.webauthnChallenges,
        upstream.attempts,
        upstream.sessions,
        comingIn.registration.pending,
        contacts,
        account.closing,
        organizations.closing,
        endedAssignments,
        organizationInvitations.invitations,
        credentials.oneTimeSecrets,
        connections.states,
        samlApplications.stores,
        connections.tests,
        api.answers,
        api.turns,
      ].flat(),
    ),
  );
}
