import { fromUuid } from '#kernel/ids.ts';
import { FLAG_COLUMN, type FlagRow, withRoles } from './role.ts';
import type { User } from './user.ts';

/** For `select … from users u`: all that a user is, without the permissions. */
export const USER_COLUMNS = `u.id, u.status, ${FLAG_COLUMN}, u.email, u.email_canonical as "emailCanonical",
  u.email_verified as "emailVerified", u.email_proof_due as "emailProofDue", u.email_since as "emailSince",
  u.username, u.username_skeleton as "usernameSkeleton", u.legacy_id as "legacyId", u.phone_number as "phoneNumber",
  u.phone_number_verified as "phoneNumberVerified", u.phone_number_since as "phoneNumberSince", u.profile, u.properties,
  u.theme, u.password_update_required as "passwordUpdateRequired", u.terms_version as "termsVersion",
  u.terms_accepted_at as "termsAcceptedAt", u.deletes_at as "deletesAt",
  u.can_create_organizations as "canCreateOrganizations", u.created_at as "createdAt", u.updated_at as "updatedAt"`;

export type UserRow = Omit<User, 'id' | 'roles'> & FlagRow & { id: string };

/** As data, which no mapper watches. */
export function userOf<Row extends UserRow>(row: Row) {
  return { ...withRoles(row), id: fromUuid('usr', row.id) };
}
