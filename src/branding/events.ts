import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

export const organizationBrandChanged = eventType({
  name: 'organization.brand_changed',
  text: 'A logo or a color of an organization was changed.',
  details: z.strictObject({ changed: z.string() }),
  audience: ['operator', 'organization'],
  gravity: 'notice',
  webhook: true,
});

export const brandChanged = eventType({
  name: 'brand.changed',
  text: 'A logo, a color or the stylesheet of the instance or of a client was changed.',
  details: z.strictObject({ changed: z.string() }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: false,
});
