/**
 * account: the account pages of signed-in users.
 *
 * Owns    the pages for profile and picture, password, passkeys and second factors, linked accounts, devices, connected apps, organizations,
 *         activity, data and account deletion; the mails about them; the data export.
 * Leaves  profile, picture and deletion to users, authentication to credentials, the session and its level to sessions,
 *         additional addresses and numbers to directory/contacts, members and invitations to directory/organizations and
 *         directory/invitations, the effect of "this was not me" to risk.
 * URLs    /account and below, but for addresses and numbers; /.well-known/change-password, /.well-known/passkey-endpoints.
 */
import type { Router } from '#kernel/http/router.ts';
import {
  type AuditLog,
  type AuditReader,
  type By,
  byUser,
  type EventTypeRow,
  type ShownEventType,
} from '#audit/module.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { Language } from '#kernel/i18n.ts';
import type { Texts } from '#kernel/sms/texts.ts';
import type { Throttle } from '#kernel/throttle.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import {
  type KnownDevices,
  NewPasswords,
  type PasskeyRegistration,
  type PasskeyService,
  PasswordChanges,
  type PasswordService,
  type RecoveryCodes,
  type TotpEnrolments,
  type TotpService,
  type TrustedDevices,
  type WaysIn,
} from '#credentials/module.ts';
import type { OwnPages, SessionService } from '#oidc/sessions/module.ts';
import type { Policies } from '#settings/module.ts';
import {
  type AccessRevocation,
  type ClosingService,
  LARGEST_PICTURE,
  type UserDetails,
  type PasswordDemands,
  type PictureService,
  type User,
  type UserId,
  type UserActivity,
  type Usernames,
} from '#directory/users/module.ts';
import type { IdentityBulk } from '#directory/identities/module.ts';
import type { ContactService } from '#directory/contacts/module.ts';
import { activityRoutes } from './activity/activity-routes.ts';
import { type AppRouteDependencies, appRoutes } from './apps/app-routes.ts';
import { authenticatorRoutes } from './authenticator/authenticator-routes.ts';
import { ConnectedApps, type ConnectedAppsDependencies } from './apps/connected-apps.ts';
import { DataExport } from './data/data-export.ts';
import { dataRoutes } from './data/data-routes.ts';
import { deviceRoutes } from './devices/device-routes.ts';
import type { PlaceText } from './devices/device-text.ts';
import { linkedAccountRoutes } from './linked-accounts/linked-account-routes.ts';
import { LinkedAccounts, type LinkedAccountDependencies, type Linking } from './linked-accounts/linked-accounts.ts';
import { OwnProfile } from './me/own-profile.ts';
import { Methods } from './security/methods.ts';
import { JoinRequests, type JoinRequestsDependencies } from './organizations/join-requests.ts';
import { organizationRoutes } from './organizations/organization-routes.ts';
import { OwnOrganizations, type OwnOrganizationsDependencies } from './organizations/own-organizations.ts';
import { overviewRoutes } from './overview/overview-routes.ts';
import type { OwnerLetters } from './owner-letters.ts';
import { type PasskeyRouteDependencies, passkeyRoutes } from './passkeys/passkey-routes.ts';
import { passwordRoutes } from './password/password-routes.ts';
import { pictureRoutes } from './profile/picture-routes.ts';
import { profileRoutes } from './profile/profile-routes.ts';
import { recoveryCodeRoutes } from './recovery-codes/recovery-code-routes.ts';
import { requestRoutes } from './organizations/request-routes.ts';
import { securityRoutes } from './security/security-routes.ts';
import { type WellKnownDependencies, wellKnownMounts, wellKnownRoutes } from './security/well-known-routes.ts';
import { type Mount, READ, READ_AND_SEND } from '#kernel/http/mounts.ts';
import { uploadBodyLimit } from '#kernel/http/upload.ts';

export type Dependencies = {
  clock: Clock;
  throttle: Throttle;
  database: Database;
  audit: AuditLog;
  events: AuditReader;
  catalogue: readonly ShownEventType[];
  closing: ClosingService;
  letters: OwnerLetters;
  /** By the letter that also tells of a password that was forgotten: it says how to take the account back. */
  tellPasswordChanged: (
    em: EntityManager,
    owner: User,
    about: { type: EventTypeRow; by: By; language: Language | undefined },
  ) => Promise<void>;
  policies: Policies<'branding' | 'account' | 'profile' | 'users' | 'passkeys'>;
  ownPages: OwnPages;
  sessions: SessionService;
  userDetails: UserDetails;
  usernames: Pick<Usernames, 'changeOwn' | 'writeOwn'>;
  passwordDemands: PasswordDemands;
  pictures: PictureService;
  contacts: Pick<ContactService, 'list'>;
  identityBulk: Pick<IdentityBulk, 'listOf'>;
  activity: Pick<UserActivity, 'of'>;
  passwords: PasswordService;
  passkeys: PasskeyService;
  passkeyRegistration: PasskeyRegistration;
  passkeysHere: PasskeyRouteDependencies['passkeysHere'];
  totp: TotpService;
  totpEnrolments: TotpEnrolments;
  recoveryCodes: RecoveryCodes;
  trustedDevices: TrustedDevices;
  waysIn: WaysIn;
  knownDevices: KnownDevices;
  linking: Linking;
  deviceCookie: Pick<BrowserCookie, 'read'>;
  place: PlaceText;
  /** Locks the account against another user. */
  notMe: { lock(userId: UserId, by: By): Promise<void> };
  accessRevocation: AccessRevocation<
    'application without consent disconnected' | 'password changed on the account page' | 'linked account removed'
  >;
} & Pick<LinkedAccountDependencies, 'identities' | 'upstreamTokens' | 'tellOwner'> &
  Omit<OwnOrganizationsDependencies, 'joinRequests'> &
  JoinRequestsDependencies &
  Omit<ConnectedAppsDependencies, 'database' | 'audit'> &
  Pick<AppRouteDependencies, 'launches'> &
  Pick<WellKnownDependencies, 'config'> & { texts: Pick<Texts, 'isOn'> };

/** Creates the account pages with their services, the deletion of accounts and the data export. */
export function createAccount(deps: Dependencies) {
  const linkedAccounts = new LinkedAccounts(deps);
  const methods = new Methods({ ...deps, linkedAccounts });
  const apps = new ConnectedApps(deps);
  const joinRequests = new JoinRequests(deps);
  const own = new OwnOrganizations({ ...deps, joinRequests });
  const newPasswords = new NewPasswords<'changed' | 'set' | 'removed'>({
    passwords: deps.passwords,
    demands: deps.passwordDemands,
    accessRevocation: deps.accessRevocation,
    audit: deps.audit,
    tellOwner: (em, user, act, about) =>
      act === 'changed'
        ? deps.tellPasswordChanged(em, user, about)
        : deps.letters.send(em, user, `password_${act}`, about.by),
  });
  const dataExport = new DataExport({ ...deps, methods, apps });
  const routes: Router<State>[] = [
    overviewRoutes({ ...deps, methods, own }),
    profileRoutes(deps),
    pictureRoutes(deps),
    securityRoutes({ ...deps, methods }),
    wellKnownRoutes(deps),
    passwordRoutes({ ...deps, changes: new PasswordChanges({ ...deps, newPasswords }) }),
    passkeyRoutes(deps),
    linkedAccountRoutes({ ...deps, linkedAccounts }),
    authenticatorRoutes(deps),
    recoveryCodeRoutes(deps),
    deviceRoutes(deps),
    appRoutes({ ...deps, apps }),
    organizationRoutes({ ...deps, own }),
    requestRoutes({ ...deps, joinRequests }),
    activityRoutes(deps),
    dataRoutes({ ...deps, apps, dataExport }),
  ];
  /** A user who signs in wants to stay. */
  async function signedIn(ctx: Context, { facts: { user } }: { facts: { user: Pick<User, 'id' | 'deletesAt'> } }) {
    if (user.deletesAt !== null) await deps.closing.reopen(user.id, byUser(user.id, visitorOf(ctx)));
  }
  return { routes, step: { name: 'account', signedIn }, linkedAccounts, dataExport, ownProfile: new OwnProfile(deps) };
}

/** Where its pages are. */
export const accountMounts: readonly Mount[] = [
  ...wellKnownMounts,
  { path: '/account', audience: 'page', methods: READ_AND_SEND },
  { path: '/account/*', audience: 'page', methods: READ_AND_SEND },
  // The form that links an account ends at the provider; the way back is a step of it.
  { path: '/account/linked-accounts', audience: 'page', methods: READ, formsLeadOut: true },
  { path: '/account/linked-accounts/return', audience: 'page', methods: READ, getActs: true },
  // A photograph and what the form adds to it; pages of applications show the picture.
  { path: '/account/picture', audience: 'page', methods: ['POST'], bodyLimit: uploadBodyLimit(LARGEST_PICTURE) },
  { path: '/account/picture/*', audience: 'page', methods: READ_AND_SEND, crossOrigin: true },
];

export { PICTURE_PATH } from './account-frame.ts';
export { OwnerLetters } from './owner-letters.ts';
