import { AuditLog } from '#audit/audit-log.ts';
import type { AuditEvent } from '#audit/module.ts';

/** Throws where the details of an event, as they are stored, are not those that its type declares. */
export function assertDetails({ type, details = {} }: AuditEvent): void {
  const { error } = type.details.safeParse(JSON.parse(JSON.stringify(details)));
  if (error) throw new Error(`the details of ${type.name} are not as declared: ${error.message}`);
}

let isChecking = false;

/** From now on every event that this process writes is checked: what the compiler holds for one expression, this holds for all. */
export function checkEveryEvent(): void {
  if (isChecking) return;
  isChecking = true;
  const { record, note, part, recordAll } = AuditLog.prototype;
  Object.assign(AuditLog.prototype, {
    async record(this: AuditLog, em: Parameters<typeof record>[0], event: AuditEvent) {
      assertDetails(event);
      return record.call(this, em, event);
    },
    async note(this: AuditLog, event: AuditEvent) {
      assertDetails(event);
      return note.call(this, event);
    },
    part(this: AuditLog, event: AuditEvent) {
      assertDetails(event);
      return part.call(this, event);
    },
    async recordAll(this: AuditLog, em: Parameters<typeof record>[0], events: readonly AuditEvent[]) {
      events.forEach(assertDetails);
      return recordAll.call(this, em, events);
    },
  });
}
