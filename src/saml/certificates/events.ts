import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

export const connectionCertificateWarned = eventType({
  name: 'connection.certificate_warned',
  text: 'The certificates of an identity provider end soon, or ended.',
  details: z.strictObject({
    connection: z.string(),
    connection_id: z.string(),
    days_left: z.int(),
    not_after: z.string(),
  }),
  audience: ['operator', 'organization'],
  gravity: 'warning',
  webhook: true,
});
