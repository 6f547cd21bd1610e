/**
 * settings: the policies of the instance.
 *
 * Owns    the table setting; defaults and meaning of each policy (policies.ts); which policy is in force for a subject.
 * Leaves  what a policy does to the slice that it is about.
 * URLs    none yet.
 */
import type { AuditLog } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { Policies } from './policies.ts';
import { SettingsService } from './settings-service.ts';

export type Dependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  /** Tells the other nodes to reload. */
  announce: () => Promise<void>;
};

export function createSettings({ clock, database, audit, announce }: Dependencies) {
  const settings = new SettingsService(clock, database, audit, announce);
  return { settings, policies: settings as Policies };
}

export type { SettingsService } from './settings-service.ts';
export { type Policies, type Policy, type PolicyInForce, type Section, sections } from './policies.ts';
export { instance, type PolicySubject } from './policy-subject.ts';
export type { Property } from './profile-policy.ts';
export { Setting } from './setting.ts';
