/** The pages of signed-in users about themselves. */
import { createAccount, type Dependencies as AccountDependencies } from '#account/module.ts';
import type { By } from '#audit/module.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import type { Places } from '#sign-in/risk/module.ts';
import { NewPasswords, PasswordAdministration } from '#credentials/module.ts';
import { ClosingService, type UserId } from '#directory/users/module.ts';
import type { Kernel } from './kernel.ts';
import type { Nouns } from './nouns.ts';
import type { Provider } from './provider.ts';
import { shownEventTypes } from './event-types.ts';

/** The functions of the risk slice that the account pages need. */
type Watch = {
  places: Places;
  notMe: { lock(userId: UserId, by: By): Promise<void> };
  tellPasswordChanged: AccountDependencies['tellPasswordChanged'];
  linking: AccountDependencies['linking'];
  deviceCookie: Pick<BrowserCookie, 'read'>;
};

/** Creates the account pages and connects them with sessions, consents and the risk slice. */
export function createOwnAccount(
  { config, clock, database, throttle }: Kernel,
  nouns: Nouns,
  { oidc, consents, ownPages, passkeysHere, sessions, launches }: Provider,
  { places, notMe, tellPasswordChanged, linking, deviceCookie }: Watch,
) {
  const { audit, policies, accessRevocation, credentials, clients, apis } = nouns;
  const { ownerLetters: letters } = nouns.notices;
  const closing = new ClosingService({
    clock,
    database,
    policies,
    roleHolders: nouns.roleHolders,
    accessRevocation,
    letters,
    audit,
  });
  const passwordAdministration = new PasswordAdministration({
    database,
    audit,
    users: nouns.users,
    managed: nouns.managedUsers,
    passwords: credentials.passwords,
    newPasswords: new NewPasswords<'temporary'>({
      passwords: credentials.passwords,
      accessRevocation,
      audit,
      demands: nouns.passwordDemands,
      tellOwner: (em, user, _act, about) => tellPasswordChanged(em, user, about),
    }),
    passwordDemands: nouns.passwordDemands,
    secondFactorAttempts: credentials.secondFactorAttempts,
  });
  const { routes, step, linkedAccounts, dataExport, ownProfile } = createAccount({
    config,
    texts: nouns.texts,
    clock,
    throttle,
    database,
    audit,
    events: nouns.events,
    catalogue: shownEventTypes,
    closing,
    letters,
    tellPasswordChanged,
    policies,
    ownPages,
    sessions,
    userDetails: nouns.userDetails,
    usernames: nouns.usernames,
    pictures: nouns.pictures,
    contacts: nouns.contacts,
    identityBulk: nouns.identities.bulk,
    activity: nouns.activity,
    passwords: credentials.passwords,
    passwordDemands: nouns.passwordDemands,
    passkeys: credentials.passkeys,
    passkeyRegistration: credentials.passkeyRegistration,
    passkeysHere,
    totp: credentials.totp,
    totpEnrolments: credentials.totpEnrolments,
    recoveryCodes: credentials.recoveryCodes,
    trustedDevices: credentials.trustedDevices,
    waysIn: credentials.waysIn,
    knownDevices: credentials.knownDevices,
    clients: clients.lookup,
    apis: apis.lookup,
    grants: oidc.appGrants,
    launches,
    consents,
    accessRevocation,
    place: places.describe,
    notMe,
    linking,
    identities: nouns.identities.linked,
    upstreamTokens: nouns.connections.upstreamTokens,
    tellOwner: credentials.tellOwner,
    deviceCookie,
    members: nouns.organizations.members,
    organizations: nouns.organizations.organizations,
    creators: nouns.organizations.creators,
    users: nouns.users,
    joining: nouns.domains.joining,
    invitedPeople: nouns.organizationInvitations.people,
    effective: nouns.effective,
  });
  return { routes, step, closing, passwordAdministration, linkedAccounts, dataExport, ownProfile };
}
