/**
 * settings: the policies of the instance.
 *
 * Owns    the table setting; defaults and meaning of each policy (policies.ts).
 * Leaves  what a policy does to the slice that it is about.
 * URLs    none yet.
 */
import type { AuditLog } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { SettingsService } from './settings-service.ts';

export type Dependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  /** Tells the other nodes to reload. */
  announce: () => Promise<void>;
};

export function createSettings({ clock, database, audit, announce }: Dependencies) {
  return { settings: new SettingsService(clock, database, audit, announce) };
}

export type { SettingsService } from './settings-service.ts';
export type { Policies, Policy, Section } from './policies.ts';
export { policies } from './policies.ts';
export type { Property } from './profile-policy.ts';
export { Setting } from './setting.ts';
