import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

const known = z.record(z.string(), z.unknown());
const shown = { audience: ['operator', 'organization'], gravity: 'notice', webhook: true } as const;
const assignment = z.strictObject({
  assignment_id: z.string(),
  role_id: z.string(),
  role: z.string(),
  expires_at: z.string().nullable(),
});
const member = z.strictObject({ group_id: z.string(), group: z.string() });

export const roleCreated = eventType({
  name: 'role.created',
  text: 'A role was added.',
  details: z.strictObject({ after: known }),
  ...shown,
});

export const roleChanged = eventType({
  name: 'role.changed',
  text: 'A role was changed: its name, its permissions or the roles that it inherits.',
  details: z.strictObject({ before: known, after: known }),
  ...shown,
});

export const roleDeleted = eventType({
  name: 'role.deleted',
  text: 'A role was deleted, with all its assignments.',
  details: z.strictObject({ before: known }),
  ...shown,
});

export const roleAssigned = eventType({
  name: 'role.assigned',
  text: 'A user, a group or a client got a role.',
  details: assignment,
  ...shown,
});

export const roleUnassigned = eventType({
  name: 'role.unassigned',
  text: 'A role was taken from a user, a group or a client.',
  details: assignment,
  ...shown,
});

export const groupCreated = eventType({
  name: 'group.created',
  text: 'A group was added.',
  details: z.strictObject({ after: known }),
  ...shown,
});

export const groupChanged = eventType({
  name: 'group.changed',
  text: 'A group was changed: its name, or the groups that it is in.',
  details: z.strictObject({ before: known, after: known }),
  ...shown,
});

export const groupDeleted = eventType({
  name: 'group.deleted',
  text: 'A group was deleted, with all its assignments.',
  details: z.strictObject({ before: known }),
  ...shown,
});

export const groupMemberAdded = eventType({
  name: 'group.member_added',
  text: 'A user was put into a group.',
  details: member,
  ...shown,
});

export const groupMemberRemoved = eventType({
  name: 'group.member_removed',
  text: 'A user was taken out of a group.',
  details: member,
  ...shown,
});
