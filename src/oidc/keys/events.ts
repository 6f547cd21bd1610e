import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

/** Key ids, and families whose next key takes over at a later time. */
const keyChanges = z.strictObject({
  activated: z.array(z.string()),
  retired: z.array(z.string()),
  scheduled: z.array(z.strictObject({ family: z.string(), at: z.string() })),
});

export const keysCreated = eventType({
  name: 'keys.created',
  text: 'Signing keys were made.',
  details: keyChanges,
  audience: ['operator'],
  gravity: 'info',
  webhook: true,
});

export const keysRotated = eventType({
  name: 'keys.rotated',
  text: 'The next signing keys were put into use.',
  details: keyChanges,
  audience: ['operator'],
  gravity: 'notice',
  webhook: true,
});

export const keysRotationScheduled = eventType({
  name: 'keys.rotation_scheduled',
  text: 'A rotation of signing keys waits until the next keys have been published for long enough.',
  details: keyChanges,
  audience: ['operator'],
  gravity: 'notice',
  webhook: true,
});

export const keysReplaced = eventType({
  name: 'keys.replaced',
  text: 'All signing keys were replaced at once; what the old ones signed is refused.',
  details: keyChanges,
  audience: ['operator'],
  gravity: 'alert',
  webhook: true,
});

export const keysRetired = eventType({
  name: 'keys.retired',
  text: 'Signing keys whose last token has expired were retired.',
  details: keyChanges,
  audience: ['operator'],
  gravity: 'info',
  webhook: true,
});
