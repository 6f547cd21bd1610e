import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

export const waitlistJoined = eventType({
  name: 'waitlist.joined',
  text: 'The owner of an address joined the waitlist.',
  details: z.strictObject({ email: z.string() }),
  audience: ['operator'],
  gravity: 'info',
  webhook: false,
});

export const waitlistRemoved = eventType({
  name: 'waitlist.removed',
  text: 'An operator removed an address from the waitlist.',
  details: z.strictObject({ email: z.string() }),
  audience: ['operator'],
  gravity: 'info',
  webhook: false,
});
