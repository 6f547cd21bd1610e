import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

export const organizationCreated = eventType({
  name: 'organization.created',
  text: 'An organization was created.',
  details: z.strictObject({ slug: z.string(), name: z.string() }),
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

export const organizationChanged = eventType({
  name: 'organization.changed',
  text: 'The name, the slug or the metadata of an organization were changed.',
  details: z.strictObject({
    members: z.array(z.string()),
    before: z.strictObject({ name: z.string().optional(), slug: z.string().optional() }),
    after: z.strictObject({ name: z.string().optional(), slug: z.string().optional() }),
  }),
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

export const organizationSuspended = eventType({
  name: 'organization.suspended',
  text: 'An organization was suspended: its tokens ended, and sign-ins for it are refused.',
  details: z.strictObject({ reason: z.string().optional() }),
  audience: ['operator', 'organization'],
  gravity: 'notice',
  webhook: true,
});

export const organizationResumed = eventType({
  name: 'organization.resumed',
  text: 'A suspended organization is active again.',
  audience: ['operator', 'organization'],
  gravity: 'notice',
  webhook: true,
});

export const organizationClosingRequested = eventType({
  name: 'organization.closing_requested',
  text: 'An organization is to be closed: its tokens ended, and it is erased later.',
  details: z.strictObject({ goes_at: z.string() }),
  audience: ['operator', 'organization'],
  gravity: 'alert',
  webhook: true,
});

export const organizationClosingCancelled = eventType({
  name: 'organization.closing_cancelled',
  text: 'The closing of an organization was called off.',
  audience: ['operator', 'organization'],
  gravity: 'notice',
  webhook: true,
});

export const organizationErased = eventType({
  name: 'organization.erased',
  text: 'An organization and everything that belonged to it were erased.',
  details: z.strictObject({ slug: z.string() }),
  audience: ['operator', 'organization'],
  gravity: 'notice',
  webhook: true,
});

export const organizationMemberAdded = eventType({
  name: 'organization.member_added',
  text: 'A user became a member of an organization.',
  details: z.strictObject({ source: z.string(), roles: z.array(z.string()) }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const organizationMemberChanged = eventType({
  name: 'organization.member_changed',
  text: 'The roles of a member of an organization were changed.',
  details: z.strictObject({ before: z.array(z.string()), after: z.array(z.string()) }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  webhook: true,
});

export const organizationMemberRemoved = eventType({
  name: 'organization.member_removed',
  text: 'A user was removed from an organization.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  webhook: true,
});

export const organizationMemberLeft = eventType({
  name: 'organization.member_left',
  text: 'A user left an organization.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const organizationPolicyChanged = eventType({
  name: 'organization.policy_changed',
  text: 'The policy of an organization, which tightens the policy of the instance for its members, was changed.',
  details: z.strictObject({
    before: z.record(z.string(), z.unknown()),
    after: z.record(z.string(), z.unknown()),
  }),
  audience: ['operator', 'organization'],
  gravity: 'notice',
  webhook: true,
});
