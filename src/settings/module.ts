/**
 * settings: the policies of the instance, and their tightenings.
 *
 * Owns    the tables setting and policy_tightening; defaults and meaning of each policy (policies.ts); what can be tightened
 *         (tightening.ts) and how it combines (combination.ts); the policy in force for a subject.
 * Leaves  the effect of a policy to its slice; which organizations count for a user to the slice organizations.
 * URLs    none yet.
 */
import type { AuditLog } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import type { Log } from '#kernel/log.ts';
import type { Policies, UserPolicies } from './policies.ts';
import { type CountingOrganizations, SettingsService } from './settings-service.ts';
import { TighteningService } from './tightening-service.ts';

export type Dependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe'>;
  log: Pick<Log, 'warn'>;
  /** The organizations that count for a user; asked only where any of them may tighten the policy. */
  organizationsOf: CountingOrganizations;
};

/** Reads the stored policies and tightenings, and from then on whatever a node changes. */
export async function createSettings({ clock, database, audit, invalidation, log, organizationsOf }: Dependencies) {
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
    organizationsOf,
  );
  const warn = (err: unknown) => log.warn({ err }, 'settings not read again; the known ones stay');
  const follow = () => void settings.reload().catch(warn);
  invalidation.subscribe('settings', { changed: follow, resync: follow });
  invalidation.subscribe('policy', {
    changed: (holder) => void tightenings.reload(holder).catch(warn),
    resync: () => void tightenings.reload().catch(warn),
  });
  await Promise.all([settings.reload(), tightenings.reload()]);
  return { settings, tightenings, policies: settings as Policies & UserPolicies };
}

export type { SettingsService } from './settings-service.ts';
export {
  type Policies,
  type Policy,
  type PolicyInForce,
  type Section,
  sections,
  type UserPolicies,
} from './policies.ts';
export { instance, type PolicySubject } from './policies.ts';
export { unsafeSettings } from './unsafe-settings.ts';
export { LONGEST_JWT_SECONDS } from './limits.ts';
export { leastPasswordLength } from './password-length.ts';
export type { Property } from './profile-policy.ts';
export { Setting } from './settings-service.ts';
export type { TightenedSection, Tightening } from './tightening.ts';
export { PolicyTightening, type TighteningService } from './tightening-service.ts';
