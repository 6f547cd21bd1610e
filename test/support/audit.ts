import { z } from 'zod';
import { type AuditEvent, type AuditLog, eventType } from '#audit/module.ts';
import { assertDetails } from './event-details.ts';

/** A type of events that is in no catalogue and takes any details, for what does not depend on them. */
export const anyEvent = (name: string) =>
  eventType({
    name,
    text: 'Something happened.',
    details: z.looseObject({}),
    audience: ['operator'],
    gravity: 'info',
    webhook: false,
  });

/** An event as tests look at it: by the name of its type. */
type Recorded = Omit<AuditEvent, 'type'> & { type: string };

/** An audit log that keeps what it is given, to look at. */
export function recordingAudit() {
  const events: Recorded[] = [];
  return {
    events,
    types: () => events.map((event) => event.type),
    async record(_em: unknown, event: AuditEvent): Promise<void> {
      assertDetails(event);
      events.push({ ...event, type: event.type.name });
    },
  } satisfies { record: AuditLog['record'] } & Record<string, unknown>;
}
