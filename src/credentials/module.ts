/**
 * credentials: what a person proves who they are with.
 *
 * Owns    passwords (argon2id), links and codes that prove an address, the counters of wrong tries, known devices;
 *         enrolling and verifying, one file each.
 * Leaves  the pages to login and account, what comes after a success to interaction.
 * URLs    none.
 */
import type { Clock } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { SettingsService } from '#settings/module.ts';
import { AttemptCounter, PASSWORD_DELAYS } from './attempts.ts';
import { HashingQueue } from './hashing-queue.ts';
import { KnownDevices } from './known-device.ts';
import { OneTimeSecrets } from './one-time/one-time-secrets.ts';
import { PasswordService } from './password-service.ts';

export type Dependencies = {
  clock: Clock;
  database: Database;
  keyRing: KeyRing;
  settings: Pick<SettingsService, 'policy' | 'all'>;
};

export function createCredentials({ clock, database, keyRing, settings }: Dependencies) {
  const attempts = new AttemptCounter(clock, database, () => {
    const { passwordFreeFailures: free, passwordMaximumFailures: maximum } = settings.policy('limits');
    return { free, maximum, delays: PASSWORD_DELAYS };
  });
  const hashing = new HashingQueue();
  return {
    attempts,
    hashing,
    knownDevices: new KnownDevices(clock, database),
    oneTimeSecrets: new OneTimeSecrets(clock, database, keyRing),
    passwords: new PasswordService({ clock, database, attempts, queue: hashing, policies: () => settings.all() }),
  };
}

export type { PasswordService, PasswordOutcome } from './password-service.ts';
export type { CodeOutcome, Holder, Issued, OneTimeSecret, OneTimeSecrets } from './one-time/one-time-secrets.ts';
export { OneTimeSecretRow } from './one-time/one-time-secret.ts';
export { OneTimeBudgetRow } from './one-time/one-time-budget.ts';
export type { AttemptCounter } from './attempts.ts';
export type { KnownDevices } from './known-device.ts';
export { AttemptCounterRow } from './attempt-counter-row.ts';
export { KnownDevice } from './known-device.ts';
export { PasswordCredential } from './password-credential.ts';
