import { z } from 'zod';
import { eventType, risc } from '#audit/event-type.ts';

export const userSignInChallenged = eventType({
  name: 'user.sign_in_challenged',
  text: 'A sign-in was so unlike those before it that a second factor was asked for.',
  details: z.strictObject({ signals: z.array(z.string()), actions: z.array(z.string()) }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  webhook: true,
});

export const userLockedByOwner = eventType({
  name: 'user.locked_by_owner',
  text: 'The owner said that a sign-in was of another person: the password is gone and all ended.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'alert',
  webhook: true,
  caep: risc.credentialCompromise,
});
