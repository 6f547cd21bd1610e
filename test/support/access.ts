/** Access revocation, for tests of one slice on a database of its own. */
import type { AuditLog } from '#audit/module.ts';
import { createRevocables } from '#credentials/module.ts';
import type { Clock } from '#kernel/clock.ts';
import { olderSignIns } from '#sign-in/interaction/module.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { createHeldSessions } from '#oidc/module.ts';
import type { UserPolicies } from '#settings/module.ts';
import { policiesWith } from './policies.ts';

const testSecrets = 'a-secret-that-only-the-tests-know-01';

type Given = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record' | 'note'>;
  policies?: UserPolicies<'mfa'>;
};

export function openAccess({ clock, database, audit, policies = policiesWith() }: Given) {
  const keyRing = createKeyRing([testSecrets]);
  const revocables = createRevocables({ clock, database, keyRing, audit, policies });
  const { accessRevocation } = createHeldSessions({
    clock,
    database,
    keyRing,
    audit,
    olderSignIns,
    jobs: { send: async () => undefined },
    links: revocables.oneTimeSecrets,
    trustedBrowsers: revocables.trustedDevices,
    knownBrowsers: revocables.knownDevices,
    passkeyChallenges: revocables.webauthnChallenges,
  });
  return { accessRevocation, revocables };
}
