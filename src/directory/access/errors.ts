import { errorType } from '#kernel/errors.ts';

/** 403: the act would give a permission that the actor does not have there, or take it from a user who has more than the actor. */
export const permissionsNotHeld = errorType({
  code: 'access.permissions_not_held',
  status: 403,
  message: 'This needs every permission that is given or taken. Use a caller that has all of them.',
});
export const roleNotFound = errorType({ code: 'roles.not_found', status: 404, message: 'There is no such role.' });
/** 409: the organization would have no owner. */
export const lastOwner = errorType({
  code: 'organizations.last_owner',
  status: 409,
  message: 'This member is the last active owner of the organization. Make another member owner first.',
});
