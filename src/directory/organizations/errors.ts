import { listNames } from '#directory/users/errors.ts';
import { errorType } from '#kernel/errors.ts';
import { listProblems } from '#kernel/operations/input.ts';

/** 404: also for an organization that exists, where the caller may not know it. */
export const organizationNotFound = errorType({
  code: 'organizations.not_found',
  status: 404,
  message: 'There is no such organization.',
});
/** 409: another organization has the slug, or had it once. */
export const slugTaken = errorType({
  code: 'organizations.slug_taken',
  status: 409,
  message: 'Another organization has this slug, or had it before. Use another one.',
});
/** 403: the setting `organizations.creation` leaves it to other users. */
export const creationRefused = errorType({
  code: 'organizations.creation_refused',
  status: 403,
  message: 'This user may not create organizations.',
});
/** 409: the user has created as many as one user may. */
export const tooManyCreated = errorType({
  code: 'organizations.too_many',
  status: 409,
  message: 'This user has created as many organizations as one user may. Close one of them first.',
});
/** 422: names the member that is wrong. */
export const organizationInvalid = errorType({
  code: 'organizations.invalid',
  status: 422,
  message: (problems: Readonly<Record<string, string>>) => `Correct these members: ${listProblems(problems)}.`,
  details: (problems) => problems,
});
/** 409: the act needs an organization that is active. */
export const organizationInactive = errorType({
  code: 'organizations.inactive',
  status: 409,
  message: 'The organization is suspended or is to be closed. Make it active first.',
});
/** 404: the user exists or not, and is no member. */
export const memberNotFound = errorType({
  code: 'organizations.member_not_found',
  status: 404,
  message: 'The user is not a member of this organization.',
});
/** 409: the user belongs to the organization already. */
export const alreadyMember = errorType({
  code: 'organizations.already_member',
  status: 409,
  message: 'The user is a member of this organization already.',
});

// Of the roles of members.

/** 403: the act would give a permission that the actor does not have there, or take it from a user who has more than the actor. */
export const permissionsNotHeld = errorType({
  code: 'access.permissions_not_held',
  status: 403,
  message: 'This needs every permission that is given or taken. Use a caller that has all of them.',
});

/** 409: an organization would have no active owner. */
export const lastOwner = errorType({
  code: 'organizations.last_owner',
  status: 409,
  message: (organizations: readonly { name: string }[]) =>
    `${listNames(organizations)} would have no active owner. Make another member owner first.`,
  details: (organizations) => ({ organizations }),
});

/** 404: no role of the instance or of the organization has the name. */
export const roleNotFound = errorType({ code: 'roles.not_found', status: 404, message: 'There is no such role.' });
