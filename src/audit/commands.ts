import type { Commands } from '#kernel/control.ts';
import type { AuditLog } from './audit-log.ts';

/** `latchkey audit …` */
export function auditCommands(audit: Pick<AuditLog, 'verify'>): Commands {
  return { 'audit.verify': async () => audit.verify() };
}
