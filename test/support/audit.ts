import type { AuditEvent } from '#audit/module.ts';

/** An audit log that keeps what it is given, to look at. */
export function recordingAudit() {
  const events: AuditEvent[] = [];
  return {
    events,
    types: () => events.map((event) => event.type),
    async record(_em: unknown, event: AuditEvent): Promise<void> {
      events.push(event);
    },
  };
}
