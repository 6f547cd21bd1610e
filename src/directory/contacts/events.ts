import { z } from 'zod';
import { eventType, risc } from '#audit/event-type.ts';

export const userEmailChangeRequested = eventType({
  name: 'user.email_change_requested',
  text: 'A user asked for another primary email address, which must be proved.',
  details: z.strictObject({ email: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  webhook: true,
});

export const userEmailVerified = eventType({
  name: 'user.email_verified',
  text: 'A user proved the primary email address.',
  details: z.strictObject({ first: z.literal(true) }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const userEmailAdded = eventType({
  name: 'user.email_added',
  text: 'A user proved a further email address.',
  details: z.strictObject({ email: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'directory/contacts/notice',
  webhook: true,
  caep: risc.recoveryInformationChanged,
});

export const userEmailRemoved = eventType({
  name: 'user.email_removed',
  text: 'An email address was removed.',
  details: z.strictObject({ email: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'directory/contacts/notice',
  webhook: true,
  caep: risc.recoveryInformationChanged,
});

export const userEmailChanged = eventType({
  name: 'user.email_changed',
  text: 'Another email address became the first one.',
  details: z.strictObject({ before: z.string(), after: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'directory/contacts/changed',
  webhook: true,
  caep: risc.identifierChanged,
});

export const userPhoneAdded = eventType({
  name: 'user.phone_added',
  text: 'A user proved a phone number.',
  details: z.strictObject({ phone_number: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'directory/contacts/notice',
  webhook: true,
  caep: risc.recoveryInformationChanged,
});

export const userPhoneRemoved = eventType({
  name: 'user.phone_removed',
  text: 'A phone number was removed.',
  details: z.strictObject({ phone_number: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'directory/contacts/notice',
  webhook: true,
  caep: risc.recoveryInformationChanged,
});

export const userPhoneChanged = eventType({
  name: 'user.phone_changed',
  text: 'Another phone number became the first one.',
  details: z.strictObject({ phone_number: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'directory/contacts/notice',
  webhook: true,
  caep: risc.identifierChanged,
});

export const userEmailEntered = eventType({
  name: 'user.email_entered',
  text: 'An operator entered an email address of a user, which is not verified.',
  details: z.strictObject({ email: z.string() }),
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

export const userPhoneEntered = eventType({
  name: 'user.phone_entered',
  text: 'An operator entered a phone number of a user, which is not verified.',
  details: z.strictObject({ phone_number: z.string() }),
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

export const userEmailProofSent = eventType({
  name: 'user.email_proof_sent',
  text: 'An operator had a link sent that verifies an email address of a user.',
  details: z.strictObject({ email: z.string() }),
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});
