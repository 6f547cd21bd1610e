import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

export const brandChanged = eventType({
  name: 'brand.changed',
  text: 'A logo, a color or the stylesheet of the instance or of a client was changed.',
  details: z.strictObject({ changed: z.string() }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: false,
});
