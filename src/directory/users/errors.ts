import { errorType, RETRY_AFTER } from '#kernel/errors.ts';
import { listProblems } from '#kernel/operations/input.ts';
import { LONGEST_USERNAME, SHORTEST_USERNAME } from './limits.ts';
import { LARGEST_PICTURE_MEGABYTES } from './pictures/picture-limits.ts';
import type { UsernameProblem } from './username.ts';

export const emailTaken = errorType({
  code: 'users.email_taken',
  status: 409,
  message: 'Another user has this email address. Use another one.',
});
export const usernameTaken = errorType({
  code: 'users.username_taken',
  status: 409,
  message: 'Another user has this username, or one that looks like it. Choose another one.',
});
const usernameProblems: Readonly<Record<UsernameProblem, string>> = {
  length: `A username has ${SHORTEST_USERNAME} to ${LONGEST_USERNAME} characters.`,
  characters:
    'A username has letters and digits, at least one letter, and single dots, hyphens and underscores between them.',
  scripts: 'A username has letters and digits of one script. Do not mix alphabets.',
  reserved: 'This username is reserved. Choose another one.',
};
/** 422: `problem` says which rule the name does not follow. */
export const usernameInvalid = errorType({
  code: 'users.username_invalid',
  status: 422,
  message: (problem: UsernameProblem) => usernameProblems[problem],
  details: (problem) => ({ problem }),
});
export const usernameMissing = errorType({
  code: 'users.username_missing',
  status: 422,
  message: 'Every user needs a username here (setting users.username). Give one.',
});
export const usernamesOff = errorType({
  code: 'users.usernames_off',
  status: 409,
  message: 'Users have no usernames here. Set users.username to optional or required first.',
});
/** 422: neither an email address nor a username. */
export const identifierMissing = errorType({
  code: 'users.identifier_missing',
  status: 422,
  message:
    'A user needs an email address or, where users have usernames (setting users.username), a username. Give one.',
});
/** 409: the user has no email address, so the username must stay. */
export const usernameNeeded = errorType({
  code: 'users.username_needed',
  status: 409,
  message: 'This user has no email address and signs in with the username. Give the user an email address first.',
});
export const legacyIdTaken = errorType({
  code: 'users.legacy_id_taken',
  status: 409,
  message: 'Another user has this id of the system before. Each user has one of their own.',
});
export const emailInvalid = errorType({
  code: 'users.email_invalid',
  status: 422,
  message: 'Enter an email address like name@example.com.',
});
export const userNotFound = errorType({ code: 'users.not_found', status: 404, message: 'There is no such user.' });
/** 409: there is nothing to call off. */
export const userNotClosing = errorType({
  code: 'users.not_closing',
  status: 409,
  message: 'This account is not being closed, so there is nothing to restore.',
});
/** 409: without this user, no active administrator would be left. */
export const lastAdministrator = errorType({
  code: 'users.last_administrator',
  status: 409,
  message: 'This user is the last active administrator. Create or invite another administrator first.',
});
/** Names in a sentence, as many as can be read. */
export function listNames(each: readonly { name: string }[]): string {
  const shown = each.slice(0, 5).map(({ name }) => name);
  return [...shown, ...(each.length > shown.length ? [`${each.length - shown.length} more`] : [])].join(', ');
}

/** 409: organizations would have no active owner. */
export const lastOwner = errorType({
  code: 'users.last_owner',
  status: 409,
  message: (organizations: readonly { name: string }[]) =>
    `This user is the last active owner of ${listNames(organizations)}. Make another member owner first.`,
  details: (organizations) => ({ organizations }),
});
/** 403: the act on a user with a role needs the permissions of the role. */
export const rightsMissing = errorType({
  code: 'users.rights_missing',
  status: 403,
  message: 'This user has a role with permissions that the caller does not have. Use a caller that has all of them.',
});
/** 403: giving a role needs its permissions. */
export const roleNotHeld = errorType({
  code: 'users.role_not_held',
  status: 403,
  message: 'The role brings permissions that the caller does not have. Use a caller that has all of them.',
});
/** 429: too many uploads of pictures; retry after `seconds`. */
export const tooManyPictures = errorType({
  code: 'users.too_many_pictures',
  status: 429,
  message: 'Too many pictures in a short time. Try again later.',
  details: (seconds: number) => ({ [RETRY_AFTER]: seconds }),
});
export const pictureInvalid = errorType({
  code: 'users.picture_invalid',
  status: 422,
  message: `The file is no PNG, JPEG or WebP picture of at most ${LARGEST_PICTURE_MEGABYTES} MB.`,
});
export const propertiesInvalid = errorType({
  code: 'users.properties_invalid',
  status: 422,
  message: (problem: string) => problem,
});
export const profileInvalid = errorType({
  code: 'users.profile_invalid',
  status: 422,
  message: (problems: Readonly<Record<string, string>>) => `Correct these members: ${listProblems(problems)}.`,
  details: (problems) => problems,
});

/** 409: neither a visitor nor an invitation creates an account. */
export const registrationClosed = errorType({
  code: 'registration.closed',
  status: 409,
  message: 'Registration is closed. Set registration.mode to invitation, or create users with user create.',
});
