import { errorType } from '#kernel/errors.ts';
import { listProblems } from '#kernel/operations/input.ts';

type Problems = Readonly<Record<string, string>>;
const inMembers = {
  status: 422,
  message: (problems: Problems) => `Correct these members: ${listProblems(problems)}.`,
  details: (problems: Problems) => problems,
} as const;

export const roleNameTaken = errorType({
  code: 'roles.name_taken',
  status: 409,
  message: 'Another role has this name. Use another one.',
});
export const roleBuiltIn = errorType({
  code: 'roles.built_in',
  status: 409,
  message: 'Built-in roles stay as they are. Create a role that inherits this one.',
});
export const roleInvalid = errorType({ code: 'roles.invalid', ...inMembers });
/** 409: `details.cycle` holds the names along the way. */
export const roleCycle = errorType({
  code: 'roles.cycle',
  status: 409,
  message: (names: readonly string[]) => `The role would inherit itself: ${names.join(' → ')}.`,
  details: (names) => ({ cycle: names }),
});
export const tooManyRoles = errorType({
  code: 'roles.too_many',
  status: 409,
  message: 'There are as many roles as there may be. Delete one first.',
});

export const groupNotFound = errorType({ code: 'groups.not_found', status: 404, message: 'There is no such group.' });
export const groupNameTaken = errorType({
  code: 'groups.name_taken',
  status: 409,
  message: 'Another group has this name. Use another one.',
});
/** 409: `details.cycle` holds the names along the way. */
export const groupCycle = errorType({
  code: 'groups.cycle',
  status: 409,
  message: (names: readonly string[]) => `The group would contain itself: ${names.join(' → ')}.`,
  details: (names) => ({ cycle: names }),
});
export const tooManyGroups = errorType({
  code: 'groups.too_many',
  status: 409,
  message: 'There are as many groups as there may be. Delete one first.',
});
export const groupMemberNotFound = errorType({
  code: 'groups.member_not_found',
  status: 404,
  message: 'The user is not in this group.',
});

export const assignmentNotFound = errorType({
  code: 'assignments.not_found',
  status: 404,
  message: 'There is no such assignment.',
});
export const assignmentTaken = errorType({
  code: 'assignments.exists',
  status: 409,
  message: 'The subject has this role there already. Delete the other assignment first.',
});
export const assignmentInvalid = errorType({ code: 'assignments.invalid', ...inMembers });
