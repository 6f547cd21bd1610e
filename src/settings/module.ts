/**
 * settings: the policies of the instance.
 *
 * Owns    the table setting; defaults and meaning of each policy (policies.ts); the policy in force for a subject.
 * Leaves  the effect of a policy to its slice.
 * URLs    none yet.
 */
import type { AuditLog } from '#audit/module.ts';
import { type Clock, HOUR, SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import type { Log } from '#kernel/log.ts';
import type { Policies } from './policies.ts';
import { SettingsService } from './settings-service.ts';

/** Seconds that a JWT access token of an API may live: it cannot be taken back, and its key stays published as long. */
export const LONGEST_JWT_SECONDS = HOUR / SECOND;

export type Dependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe'>;
  log: Pick<Log, 'warn'>;
};

/** Reads the stored policies, and from then on whatever a node changes. */
export async function createSettings({ clock, database, audit, invalidation, log }: Dependencies) {
  const settings = new SettingsService(clock, database, audit, () => invalidation.publish('settings', 'all'));
  const follow = () =>
    void settings.reload().catch((err: unknown) => log.warn({ err }, 'settings not read again; the known ones stay'));
  invalidation.subscribe('settings', { changed: follow, resync: follow });
  await settings.reload();
  return { settings, policies: settings as Policies };
}

export type { SettingsService } from './settings-service.ts';
export { type Policies, type Policy, type PolicyInForce, type Section, sections } from './policies.ts';
export { instance, type PolicySubject } from './policies.ts';
export type { Property } from './profile-policy.ts';
export { Setting } from './settings-service.ts';
