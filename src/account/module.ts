/**
 * account: the pages of a signed-in person about themselves.
 *
 * Owns    profile and picture, password, passkeys and second factors, devices, connected apps, activity, taking one's data
 *         along, closing the account; the table user_picture; the mails about it.
 * Leaves  who is signed in and how surely to sessions, what proves a person to credentials, further addresses and numbers to
 *         verification, what "this was not me" does to risk.
 * URLs    /account and below, but for addresses and numbers.
 */
import type { Router } from '#kernel/http/router.ts';
import { type AuditLog, type AuditReader, type By, byUser } from '#audit/module.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { Throttle } from '#kernel/throttle.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import type {
  KnownDevices,
  PasskeyRegistration,
  PasskeyService,
  PasswordService,
  RecoveryCodes,
  TotpEnrolments,
  TotpService,
  TrustedDevices,
  WaysIn,
} from '#credentials/module.ts';
import type { OwnPages, SessionService } from '#sessions/module.ts';
import type { Policies } from '#settings/module.ts';
import type {
  AccessRevocation,
  ContactService,
  OwnDetails,
  RoleHolders,
  User,
  UserBulk,
  UserId,
} from '#users/module.ts';
import { activityRoutes } from './activity-routes.ts';
import { appRoutes } from './app-routes.ts';
import { authenticatorRoutes } from './authenticator-routes.ts';
import { ClosingService } from './closing-service.ts';
import { ConnectedApps, type ConnectedAppsDependencies } from './connected-apps.ts';
import { DataExport } from './data-export.ts';
import { dataRoutes } from './data-routes.ts';
import { deviceRoutes } from './device-routes.ts';
import type { PlaceText } from './device-text.ts';
import { Methods } from './methods.ts';
import { overviewRoutes } from './overview-routes.ts';
import { OwnerLetters } from './owner-letters.ts';
import { passkeyRoutes } from './passkey-routes.ts';
import { PasswordChanges } from './password-changes.ts';
import { passwordRoutes } from './password-routes.ts';
import { pictureRoutes } from './picture-routes.ts';
import { PictureService } from './picture-service.ts';
import { profileRoutes } from './profile-routes.ts';
import { recoveryCodeRoutes } from './recovery-code-routes.ts';
import { securityRoutes } from './security-routes.ts';

export type Dependencies = {
  clock: Clock;
  issuer: string;
  throttle: Throttle;
  database: Database;
  audit: AuditLog;
  events: AuditReader;
  letters: Pick<Letters, 'send'>;
  policies: Policies<'branding' | 'account' | 'profile'>;
  ownPages: OwnPages;
  sessions: SessionService;
  ownDetails: OwnDetails;
  roleHolders: RoleHolders;
  contacts: Pick<ContactService, 'list'>;
  userBulk: Pick<UserBulk, 'identitiesOf'>;
  passwords: PasswordService;
  passkeys: PasskeyService;
  passkeyRegistration: PasskeyRegistration;
  totp: TotpService;
  totpEnrolments: TotpEnrolments;
  recoveryCodes: RecoveryCodes;
  trustedDevices: TrustedDevices;
  waysIn: WaysIn;
  knownDevices: KnownDevices;
  deviceCookie: Pick<BrowserCookie, 'read'>;
  place: PlaceText;
  lock(userId: UserId, by: By): Promise<void>;
  access: AccessRevocation<
    | 'account closed by its owner'
    | 'account erased'
    | 'application without consent disconnected'
    | 'password changed on the account page'
  >;
} & Omit<ConnectedAppsDependencies, 'database' | 'audit'>;

export function createAccount(deps: Dependencies) {
  const letters = new OwnerLetters(deps);
  const methods = new Methods(deps);
  const apps = new ConnectedApps(deps);
  const closing = new ClosingService({ ...deps, letters });
  const routes: Router<State>[] = [
    overviewRoutes({ ...deps, methods }),
    profileRoutes(deps),
    pictureRoutes({ ...deps, pictures: new PictureService(deps) }),
    securityRoutes({ ...deps, methods }),
    passwordRoutes({ ...deps, changes: new PasswordChanges({ ...deps, letters }) }),
    passkeyRoutes(deps),
    authenticatorRoutes(deps),
    recoveryCodeRoutes(deps),
    deviceRoutes(deps),
    appRoutes({ ...deps, apps }),
    activityRoutes(deps),
    dataRoutes({ ...deps, letters, apps, closing, dataExport: new DataExport({ ...deps, methods, apps }) }),
  ];
  /** A user who signs in wants to stay. */
  async function signedIn(ctx: Context, { facts: { user } }: { facts: { user: Pick<User, 'id' | 'deletesAt'> } }) {
    if (user.deletesAt !== null) await closing.reopen(user.id, byUser(user.id, visitorOf(ctx)));
  }
  return { routes, closing, step: { name: 'account', signedIn } };
}

export { type AccountFrame, accountFrame } from './account-frame.ts';
export type { ClosingService } from './closing-service.ts';
export { UserPicture } from './picture.ts';
