/**
 * users: user accounts.
 *
 * Owns    the tables users (status, profile, primary email address and phone number), user_picture and user_activity; the owner of an email address; claims; deletion and erasure of an account; the interface by which an
 *         act ends sessions and credentials (access-revocation.ts).
 * Leaves  authentication to credentials, membership to organizations, browsers to sessions, the table of
 *         access revocation to oidc.
 * URLs    none yet.
 */
import type { AuditLog } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { Policies, SettingsService } from '#settings/module.ts';
import type { KnownUsers } from './known-users.ts';
import { OrganizationCreation } from './organization-creation.ts';
import { PasswordDemands } from './password-demands.ts';
import { ProfileCompletion } from './profile-completion.ts';
import { ReachablePeople } from './reachable-people.ts';
import { ManagedUsers, type Owners, type Rights, RoleHolders } from './role-holders.ts';
import { UserBulk } from './user-bulk.ts';
import { type TellUsernameChanged, Usernames } from './usernames.ts';
import { UserDetails } from './user-details.ts';
import { type Revocation, UserService } from './user-service.ts';

export type Dependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  accessRevocation: Revocation;
  rights: Rights;
  /** Without them no user owns an organization. */
  owners?: Owners;
  /** Without them users have no usernames. */
  policies?: Policies<'users' | 'profile'>;
  /** Asks before the settings of users change. */
  settings?: Pick<SettingsService, 'askBefore'>;
  /** Without it no owner is told. */
  tellUsernameChanged?: TellUsernameChanged;
  /** Users in memory. */
  known?: KnownUsers;
};

const noOwners: Owners = { lockOwned: async () => {}, onlyOwnedBy: async () => [] };

/** Creates the services of users: accounts, profiles, required passwords, bulk writes. */
export function createUsers(dependencies: Dependencies) {
  const {
    clock,
    database,
    audit,
    accessRevocation,
    rights,
    owners = noOwners,
    policies,
    settings,
    known,
    tellUsernameChanged,
  } = dependencies;
  const roleHolders = new RoleHolders(database, rights, owners);
  const usernames = new Usernames({ clock, database, audit, policies, roleHolders, known, tellUsernameChanged });
  settings?.askBefore('users', (em, next) => usernames.objection(em, next));
  const service = new UserService({ clock, database, audit, accessRevocation, roleHolders, usernames, known });
  return {
    users: service,
    usernames,
    passwordDemands: new PasswordDemands({ database, audit, roleHolders }),
    people: new ReachablePeople(database, usernames),
    roleHolders,
    managedUsers: new ManagedUsers({ users: service, roleHolders }),
    bulk: new UserBulk(clock, database),
    profileCompletion: new ProfileCompletion(clock, database, audit),
    organizationCreation: new OrganizationCreation(database, audit, roleHolders),
    userDetails: new UserDetails({ clock, database, audit, policies, roleHolders }),
  };
}

export { KnownUsers } from './known-users.ts';
export { ActivityRow, UserActivity } from './user-activity.ts';
export { ClosingService } from './closing-service.ts';
export { usernameFieldError, type Usernames } from './usernames.ts';
export {
  canonicalIdentifier,
  cleanIdentifier,
  identifierField,
  identifierOf,
  type ShownAccount,
  shownAccount,
  unknownAddress,
} from './identifier.ts';
export type { Username } from './username.ts';
export type { UserService } from './user-service.ts';
export type { AccessRevocation, Reach } from './access-revocation.ts';
export { type ReadUser, User, type UserId } from './user.ts';
export type { Role, RoleHolder, UserStatus } from './role.ts';
export {
  type Circumstances,
  type OwnerNoticeDependencies,
  sampleCircumstances,
  sampleUnseen,
  tellOwner,
} from './owner-notice.ts';
export { activeAmong, lockActive, lockUser, readUser } from './user.ts';
export { ManagedUsers, type RoleHolders } from './role-holders.ts';
export { type HeldEmail, heldEmails } from './held-emails.ts';
export type { BulkUser, UserBulk } from './user-bulk.ts';
export { canonicalEmail, newCanonicalEmail, newEmailField } from './email.ts';
export type { OrganizationCreation } from './organization-creation.ts';
export type { UserDetails } from './user-details.ts';
export { UserList } from './management/user-list.ts';
export { type ClaimSource, claimsOf } from './known-users.ts';
export type { PasswordDemands } from './password-demands.ts';
export { drawContained } from './pictures/picture-image.ts';
export { UserPicture, PictureService } from './pictures/picture-service.ts';
export { LARGEST_PICTURE, LARGEST_PICTURE_MEGABYTES } from './pictures/picture-limits.ts';
export type { ReachablePeople, ReachablePerson } from './reachable-people.ts';
export { checkedProperties, PropertyService, ProvidedProperties } from './property-service.ts';
export type { ProvidedValue } from './property-fields.ts';
export type { ProfileCompletion } from './profile-completion.ts';
export {
  type AskedClaim,
  claimField,
  detailsOf,
  fieldShape,
  labelIn,
  lacking,
  type PersonDetails,
  type PersonField,
  propertyField,
  usernameField,
} from './property-fields.ts';
export { fieldSamples, shownFields, type ShownField } from './shown-fields.ts';
export { phoneNumberSchema, profileSchema, type Profile } from './profile.ts';
export { cleanEmail } from './typed/email-address.ts';
export { readPhoneNumber } from './typed/national-phone-number.ts';
export { oneLine } from './typed/text.ts';
export { MOST_CONTACTS, UNDO_WINDOW } from './limits.ts';
