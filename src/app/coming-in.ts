/** How users come in: creating an account, being invited, waiting for it. */
import type { ProofOfWork } from '#sign-in/risk/module.ts';
import { createRegistration, type Dependencies as RegistrationDependencies } from '#sign-in/registration/module.ts';
import { createWaitlist, leaveWaitlist } from '#directory/waitlist/module.ts';
import type { Kernel } from './kernel.ts';
import type { Nouns } from './nouns.ts';
import type { Provider } from './provider.ts';

/** Creates registration, invitations and the waitlist. */
export function createComingIn(
  { config, clock, database, keyRing, throttle }: Kernel,
  {
    audit,
    policies,
    look,
    users,
    roleHolders,
    profileCompletion,
    usernames,
    credentials,
    accessRevocation,
    organizationInvitations,
  }: Nouns,
  { oidc, ownPages, passkeysHere }: Provider,
  { work, buttons }: { work: ProofOfWork; buttons: RegistrationDependencies['buttons'] },
) {
  const registration = createRegistration({
    config,
    clock,
    database,
    throttle,
    passkeys: credentials.passkeys,
    passkeyRegistration: credentials.passkeyRegistration,
    passwords: credentials.passwords,
    oneTimeSecrets: credentials.oneTimeSecrets,
    openInvitations: credentials.openInvitations,
    policies,
    accessRevocation,
    users,
    roleHolders,
    profileCompletion,
    usernames,
    audit,
    letters: look.letters,
    work,
    buttons,
    registered: leaveWaitlist,
    refuse: (ctx, description) => oidc.interactions.finishRefused(ctx, 'access_denied', description),
    startRegistration: (ctx, returnTo) => ownPages.createAccount(ctx, returnTo),
    invitedPeople: organizationInvitations.people,
    ownPages,
    passkeysHere,
  });
  const waitlist = createWaitlist({
    config,
    clock,
    database,
    keyRing,
    oneTimeSecrets: credentials.oneTimeSecrets,
    users,
    audit,
    letters: look.letters,
    work,
    policies,
    applications: registration.applications,
    invitations: registration.invitations,
  });
  return {
    registration,
    routes: [waitlist.routes],
    waitlist: waitlist.waitlist,
  };
}
