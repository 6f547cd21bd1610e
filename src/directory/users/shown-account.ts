import type { User } from './user.ts';

type Named = { email?: string | null | undefined; username?: string | null | undefined };

/** How pages, lists and letters name an account. */
export type ShownAccount = {
  name: string | null;
  /** See `identifierOf`. */
  identifier: string;
};

/** How a user is named where a name is not enough: by the email address, otherwise by the username. Each user has one of them. */
export const identifierOf = ({ email, username }: Named): string => email ?? username ?? '';

/** The name and the identifier of a user, for every page that says whose account it is about. */
export const shownAccount = (user: Named & Pick<User, 'profile'>): ShownAccount => ({
  name: user.profile.name ?? null,
  identifier: identifierOf(user),
});
