import { errorType } from '#kernel/errors.ts';

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
/** 409: the act needs an organization that is active. */
export const organizationInactive = errorType({
  code: 'organizations.inactive',
  status: 409,
  message: 'The organization is suspended or is being closed. Make it active first.',
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
