import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

export const settingChanged = eventType({
  name: 'setting.changed',
  text: 'A section of the settings was changed.',
  details: z.strictObject({ before: z.record(z.string(), z.unknown()), after: z.record(z.string(), z.unknown()) }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: false,
});
