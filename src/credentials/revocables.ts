import type { AuditLog } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { UserPolicies } from '#settings/module.ts';
import { KnownDevices } from './trusted-devices/known-device.ts';
import { OneTimeSecrets } from './one-time/one-time-secrets.ts';
import { Challenges } from './passkeys/challenge.ts';
import { TrustedDevices } from './trusted-devices/trusted-devices.ts';

type Dependencies = {
  clock: Clock;
  database: Database;
  keyRing: Pick<KeyRing, 'deriveKeys'>;
  audit: Pick<AuditLog, 'record' | 'note'>;
  policies: UserPolicies<'mfa'>;
};

export type Revocables = ReturnType<typeof createRevocables>;

/** Credentials that acts revoke: created before the credentials that name such acts. */
export function createRevocables({ clock, database, keyRing, audit, policies }: Dependencies) {
  const knownDevices = new KnownDevices(clock, database);
  return {
    knownDevices,
    trustedDevices: new TrustedDevices({ clock, database, audit, policies }),
    webauthnChallenges: new Challenges(clock, database),
    oneTimeSecrets: new OneTimeSecrets({ clock, database, keyRing, knownDevices }),
  };
}
