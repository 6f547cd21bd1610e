import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

const details = z.strictObject({ client_id: z.string() });

export const organizationClientAllowed = eventType({
  name: 'organization.client_allowed',
  text: 'A machine client was allowed to act for an organization.',
  details,
  audience: ['operator', 'organization'],
  gravity: 'notice',
  webhook: true,
});

export const organizationClientRemoved = eventType({
  name: 'organization.client_removed',
  text: 'A machine client may not act for an organization any more.',
  details,
  audience: ['operator', 'organization'],
  gravity: 'notice',
  webhook: true,
});
