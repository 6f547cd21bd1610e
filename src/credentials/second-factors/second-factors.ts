import type { AuditLog } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { instance, type Policies, type UserPolicies } from '#settings/module.ts';
import { AttemptCounter } from '../attempts.ts';
import type { HashingQueue } from '../passwords/hashing-queue.ts';
import type { KnownDevices } from '../trusted-devices/known-device.ts';
import type { HashCost } from '../passwords/password-hash.ts';
import type { PasskeyState } from '../passkeys/passkey-state.ts';
import { RecoveryCodes } from '../recovery-codes/recovery-codes.ts';
import { knownTogetherPolicy, SecondFactorAttempts, secondFactorPolicy } from './second-factor-attempts.ts';
import { SecondFactorDemand } from './second-factor-demand.ts';
import type { FactorEndings, TellOwner } from './second-factor-notice.ts';
import { SecondFactorRequests } from './second-factor-requests.ts';
import { SecondFactorOverviews } from './second-factor-overview.ts';
import { TotpEnrolments } from '../totp/totp-enrolments.ts';
import { TotpService } from '../totp/totp-service.ts';

type Dependencies = {
  clock: Clock;
  database: Database;
  keyRing: KeyRing;
  audit: Pick<AuditLog, 'record' | 'note'>;
  queue: HashingQueue;
  knownDevices: Pick<KnownDevices, 'counterOf'>;
  accessRevocation: FactorEndings;
  tellOwner: TellOwner;
  hashCost?: HashCost | undefined;
  policies: Policies<'mfa' | 'branding' | 'limits'> & UserPolicies<'mfa'>;
  passkeyState: PasskeyState;
};

/** All second factors of a user, around the one counter of wrong codes. */
export function createSecondFactors(dependencies: Dependencies) {
  const {
    clock,
    database,
    keyRing,
    audit,
    queue,
    knownDevices,
    accessRevocation,
    tellOwner,
    hashCost,
    policies,
    passkeyState,
  } = dependencies;
  const free = () => policies.for(instance).limits.secondFactorFreeFailures;
  const counter = new AttemptCounter(clock, database, () => secondFactorPolicy(free()));
  const attempts = new SecondFactorAttempts({
    database,
    audit,
    attempts: counter,
    knownTogether: new AttemptCounter(clock, database, () => knownTogetherPolicy(free())),
    knownDevices,
    free,
    tellOwner,
  });
  const demand = new SecondFactorDemand(policies, passkeyState);
  const totp = new TotpService({
    clock,
    database,
    keyRing,
    audit,
    attempts,
    demand,
    accessRevocation,
    tellOwner,
    policies,
  });
  const totpEnrolments = new TotpEnrolments({
    clock,
    database,
    keyRing,
    audit,
    totp,
    accessRevocation,
    tellOwner,
    policies,
  });
  const recoveryCodes = new RecoveryCodes({ clock, database, keyRing, audit, queue, attempts, tellOwner, hashCost });
  return {
    secondFactorOverviews: new SecondFactorOverviews(clock, database, passkeyState, policies),
    secondFactorRequests: new SecondFactorRequests(clock, database),
    secondFactorAttempts: attempts,
    secondFactorDemand: demand,
    totp,
    totpEnrolments,
    recoveryCodes,
  };
}
