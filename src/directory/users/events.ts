import { z } from 'zod';
import { eventType, risc } from '#audit/event-type.ts';

export const userCreated = eventType({
  name: 'user.created',
  text: 'An account was created.',
  details: z.strictObject({ email_verified: z.boolean() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const userInvited = eventType({
  name: 'user.invited',
  text: 'A link to create an account was mailed to an address.',
  details: z.strictObject({ email: z.string(), administrator: z.boolean() }),
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

export const userDisabled = eventType({
  name: 'user.disabled',
  text: 'An account was disabled: its sessions and tokens ended, and new sign-ins are refused.',
  details: z.strictObject({
    organizations_without_owner: z
      .array(z.string())
      .optional()
      .describe('Organizations that lost their only active owner'),
  }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  webhook: true,
  caep: risc.accountDisabled,
});

export const userEnabled = eventType({
  name: 'user.enabled',
  text: 'A disabled account may sign in again.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  webhook: true,
  caep: risc.accountEnabled,
});

export const userProfileCompleted = eventType({
  name: 'user.profile_completed',
  text: 'A user gave details in a sign-in that an account must have.',
  details: z.strictObject({ members: z.array(z.string()) }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const userProfileChanged = eventType({
  name: 'user.profile_changed',
  text: 'Details of a user were changed, by the user, an operator or an identity provider.',
  details: z.strictObject({ members: z.array(z.string()) }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const userPropertiesChanged = eventType({
  name: 'user.properties_changed',
  text: 'An operator changed properties of a user.',
  details: z.strictObject({ members: z.array(z.string()) }),
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

export const userPropertiesProvided = eventType({
  name: 'user.properties_provided',
  text: 'An identity provider set custom properties of a user, or sent values that their types do not take.',
  details: z.strictObject({ connection: z.string(), members: z.array(z.string()), refused: z.array(z.string()) }),
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

export const userUsernameChanged = eventType({
  name: 'user.username_changed',
  text: 'The username of a user was set, changed or removed.',
  details: z.strictObject({ change: z.enum(['set', 'changed', 'removed']) }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'account/change',
  webhook: true,
  caep: risc.identifierChanged,
});

export const userOrganizationCreationChanged = eventType({
  name: 'user.organization_creation_changed',
  text: 'A user got or lost the right to create organizations.',
  details: z.strictObject({ allowed: z.boolean() }),
  audience: ['operator', 'person'],
  gravity: 'notice',
  webhook: true,
});

export const userPictureChanged = eventType({
  name: 'user.picture_changed',
  text: 'A user set a picture.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const userPictureRemoved = eventType({
  name: 'user.picture_removed',
  text: 'A user removed the picture.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const userTermsAccepted = eventType({
  name: 'user.terms_accepted',
  text: 'A user accepted the terms.',
  details: z.strictObject({ version: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const userTermsRefused = eventType({
  name: 'user.terms_refused',
  text: 'A user refused the terms, and was not signed in.',
  details: z.strictObject({ version: z.string() }),
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

export const userPasswordDemanded = eventType({
  name: 'user.password_demanded',
  text: 'An operator demanded a new password at the next sign-in.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  webhook: true,
  caep: risc.accountCredentialChangeRequired,
});

export const userEmailReverted = eventType({
  name: 'user.email_reverted',
  text: 'The owner of the former primary email address took the change of it back.',
  details: z.strictObject({ before: z.string(), after: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'alert',
  webhook: true,
  caep: risc.identifierChanged,
});

export const userClosingRequested = eventType({
  name: 'user.closing_requested',
  text: 'A user, or an operator, asked to close the account.',
  details: z.strictObject({
    goes_at: z.string(),
    organizations_without_owner: z
      .array(z.string())
      .optional()
      .describe('Organizations that lose their only active owner'),
  }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'alert',
  letter: 'account/change',
  webhook: true,
});

export const userClosingCancelled = eventType({
  name: 'user.closing_cancelled',
  text: 'An account is not closed: its user signed in before, or an operator restored it.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  letter: 'account/change',
  webhook: true,
});

export const userErased = eventType({
  name: 'user.erased',
  text: 'An account and what was kept about its owner were erased.',
  audience: ['operator', 'organization'],
  gravity: 'notice',
  letter: 'account/change',
  webhook: true,
  caep: risc.accountPurged,
});
