/**
 * settings: the policies of the instance, and their tightenings.
 *
 * Owns    the tables setting and policy_tightening; defaults and meaning of each policy (policies.ts); what can be tightened
 *         (tightening.ts) and how it combines (combination.ts); the policy in force for a subject.
 * Leaves  the effect of a policy to its slice; which organizations count for a user to the caller, whose subject names them.
 * URLs    none yet.
 */
import type { AuditLog } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import type { Log } from '#kernel/log.ts';
import type { Policies } from './policies.ts';
import { SettingsService } from './settings-service.ts';
import { TighteningService } from './tightening-service.ts';

export type Dependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe'>;
  log: Pick<Log, 'warn'>;
};

/** Reads the stored policies and tightenings, and from then on whatever a node changes. */
export async function createSettings({ clock, database, audit, invalidation, log }: Dependencies) {
  const tightenings = new TighteningService(
    { clock, database, audit },
    (holder) => invalidation.publish('policy', holder),
    () => settings.forgetCombined(),
  );
  const settings = new SettingsService(
    clock,
    database,
    audit,
    () => invalidation.publish('settings', 'all'),
    tightenings,
  );
  const warn = (err: unknown) => log.warn({ err }, 'settings not read again; the known ones stay');
  const follow = () => void settings.reload().catch(warn);
  invalidation.subscribe('settings', { changed: follow, resync: follow });
  invalidation.subscribe('policy', {
    changed: (holder) => void tightenings.reload(holder).catch(warn),
    resync: () => void tightenings.reload().catch(warn),
  });
  await Promise.all([settings.reload(), tightenings.reload()]);
  return { settings, tightenings, policies: settings as Policies };
}

export type { SettingsService } from './settings-service.ts';
export { type Policies, type Policy, type PolicyInForce, type Section, sections } from './policies.ts';
export { instance, type PolicySubject } from './policies.ts';
export { LONGEST_JWT_SECONDS } from './limits.ts';
export { leastPasswordLength } from './password-length.ts';
export type { Property } from './profile-policy.ts';
export { Setting } from './settings-service.ts';
export { PolicyTightening } from './tightening-service.ts';
