/** Access revocation: created before users and credentials, which perform the acts. */
import type { createAudit } from '#audit/module.ts';
import { createRevocables } from '#credentials/module.ts';
import { olderSignIns, ProgressStore } from '#sign-in/interaction/module.ts';
import { createHeldSessions } from '#oidc/module.ts';
import type { UserPolicies } from '#settings/module.ts';
import type { Kernel } from './kernel.ts';

type Before = { audit: ReturnType<typeof createAudit>['log']; policies: UserPolicies<'mfa'> };

/** Creates access revocation with the stored sessions and credentials that acts end. */
export function createAccess({ clock, database, keyRing, jobs }: Kernel, { audit, policies }: Before) {
  const revocables = createRevocables({ clock, database, keyRing, audit, policies });
  const { held, accessRevocation } = createHeldSessions({
    clock,
    database,
    keyRing,
    jobs,
    audit,
    olderSignIns,
    links: revocables.oneTimeSecrets,
    trustedBrowsers: revocables.trustedDevices,
    knownBrowsers: revocables.knownDevices,
    passkeyChallenges: revocables.webauthnChallenges,
  });
  const progress = new ProgressStore(clock, database, held.signIns);
  return { accessRevocation, held, progress, revocables };
}
