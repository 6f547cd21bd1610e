import { DAY, HOUR } from '#kernel/clock.ts';

/** Open invitations of one organization: a large company at once; each is a row and a mail. */
export const MOST_OPEN_INVITATIONS = 2_000;
/** Roles of one invitation. */
export const MOST_INVITED_ROLES = 50;
/** Mails to invited addresses by the users and clients of one organization: a large team in one go, and no source of mass mail. */
export const INVITATION_MAILS = { name: 'organization-invitation', points: 500, duration: HOUR } as const;
/** Invitations that are over are kept for questions of administrators, and no longer, because each holds an address. */
export const OVER_KEPT_FOR = 30 * DAY;
