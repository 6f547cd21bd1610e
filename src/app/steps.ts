/** The steps of a sign-in and the pages around it. */
import { createConsent } from '#sign-in/consent/module.ts';
import { createContactPages } from '#account/contacts/module.ts';
import { createFederation } from '#sign-in/federation/module.ts';
import { createInteraction, RefusedSignIns } from '#sign-in/interaction/module.ts';
import { addressLimit, createLogin } from '#sign-in/login/module.ts';
import { createMfa } from '#sign-in/mfa/module.ts';
import { createOrganizationStep } from '#sign-in/organization/module.ts';
import { createPasskey } from '#sign-in/passkey/module.ts';
import { createPasswordless } from '#sign-in/passwordless/module.ts';
import { createRecovery } from '#sign-in/recovery/module.ts';
import { createRestriction } from '#sign-in/restriction/module.ts';
import { createNotMe, createRisk } from '#sign-in/risk/module.ts';
import { createSetup } from '#setup/module.ts';
import { ProvidedProperties } from '#directory/users/module.ts';
import { createContactProofs } from '#directory/contacts/module.ts';
import { createVerification } from '#sign-in/verification/module.ts';
import { createOwnAccount } from './account.ts';
import { createComingIn } from './coming-in.ts';
import type { Kernel } from './kernel.ts';
import type { Nouns } from './nouns.ts';
import type { Provider } from './provider.ts';
import type { SamlRecords } from './saml-messages.ts';

export type Steps = ReturnType<typeof createSteps>;

/** Creates the steps of a sign-in in one array, and the pages around it. */
export function createSteps(kernel: Kernel, nouns: Nouns, provider: Provider, samlRecords: SamlRecords) {
  const { consents, oidc, cookies, ways, remembered, passkeysHere, upstream } = provider;
  const { config, clock, database, keyRing, throttle, metrics } = kernel;
  const { audit, policies, look, texts, users, contacts, apis, credentials, accessRevocation, progress } = nouns;
  const { places, describeAct } = nouns.notices;
  const { passwords, passkeys, knownDevices, oneTimeSecrets, undoRights } = credentials;
  const { deviceCookie, trustCookie, canCreateCookie } = cookies;

  const risk = createRisk({
    clock,
    database,
    keyRing,
    throttle,
    policies,
    audit,
    letters: look.letters,
    describeAct,
    places,
    knownDevices,
    holdDevice: cookies.holdDevice,
  });
  const recovery = createRecovery({
    config,
    clock,
    database,
    oneTimeSecrets,
    passwords,
    undoRights,
    users,
    usernames: nouns.usernames,
    people: nouns.people,
    managed: nouns.managedUsers,
    realms: nouns.connections.homeRealms,
    passwordDemands: nouns.passwordDemands,
    letters: look.letters,
    describeAct,
    audit,
    ways,
    work: risk.work,
    deviceCookie,
    accessRevocation,
    startUrl: config.embedded ? '/' : null,
    proveAddress: (em, prover, address) => proofs.emailProofs.confirmByReset(em, prover, address),
  });
  const { sendAfterLock: sendReset } = recovery;
  const notMe = createNotMe({
    config,
    database,
    passwords,
    undoRights,
    contacts,
    audit,
    accessRevocation,
    sendReset,
  });
  const account = createOwnAccount(kernel, nouns, provider, {
    places,
    notMe: notMe.notMe,
    tellPasswordChanged: recovery.tellPasswordChanged,
    linking: upstream.linking,
    deviceCookie,
  });
  const proofs = createContactProofs({
    config,
    clock,
    database,
    oneTimeSecrets,
    undoRights,
    users,
    contacts,
    letters: look.letters,
    describeAct,
    texts,
    audit,
    accessRevocation,
    sendReset,
  });
  const comingIn = createComingIn(kernel, nouns, provider, { work: risk.work, buttons: upstream.buttons });
  const perAddress = addressLimit(throttle, policies);
  const login = createLogin({
    clock,
    users,
    usernames: nouns.usernames,
    passwordAttempts: credentials.passwordAttempts,
    addressLimit: perAddress,
    pressure: risk.pressure,
    work: risk.work,
    deviceCookie,
    remembered,
    passkeysHere,
    createUrl: comingIn.registration.createUrl,
    buttons: upstream.buttons,
    mayLeadAway: upstream.mayLeadAway,
    refuse: (ctx, description) => oidc.interactions.finishRefused(ctx, 'access_denied', description),
    audit,
    counted: metrics?.countSignIn,
  });
  const passwordless = createPasswordless({
    config,
    clock,
    database,
    oneTimeSecrets,
    people: nouns.people,
    realms: nouns.connections.homeRealms,
    letters: look.letters,
    texts,
    audit,
    deviceCookie,
    policies,
    pressure: risk.pressure,
    counted: metrics?.countSignIn,
  });
  const refused = new RefusedSignIns({
    policies,
    throttle,
    audit,
    organizationsOf: (userId) => nouns.memberships.activeOf(userId),
  });
  const mfa = createMfa({
    refused,
    clock,
    database,
    oneTimeSecrets,
    recoveryCodes: credentials.recoveryCodes,
    secondFactorAttempts: credentials.secondFactorAttempts,
    secondFactorRequests: credentials.secondFactorRequests,
    totp: credentials.totp,
    totpEnrolments: credentials.totpEnrolments,
    trustedDevices: credentials.trustedDevices,
    audit,
    letters: look.letters,
    describeAct,
    texts,
    deviceCookie,
    trustCookie,
    isMember: (userId) => nouns.memberships.hasActive(userId),
    policies,
  });
  const passkey = createPasskey({
    config,
    clock,
    passkeys,
    passkeyProof: credentials.passkeyProof,
    attempts: credentials.attempts,
    passkeyRegistration: credentials.passkeyRegistration,
    webauthnUsers: credentials.webauthnUsers,
    users,
    addressLimit: perAddress,
    policies,
    canCreateCookie,
    passkeysHere,
    missingCodes: mfa.missingCodes,
    audit,
    counted: metrics?.countSignIn,
  });
  const federation = createFederation({
    config,
    tests: nouns.connections.tests,
    serviceProvider: nouns.connections.samlServiceProvider,
    initiateLogin: (clientId, connection) => oidc.gone.startOf(clientId, connection),
    applications: samlRecords.logout,
    clock,
    database,
    users,
    identities: nouns.identities.linked,
    tokens: nouns.identities.tokens,
    providedProperties: new ProvidedProperties({ clock, database, audit, policies }),
    isMember: (organizationId, userId) => nouns.organizations.members.isMember(organizationId, userId),
    members: nouns.organizations.members,
    followedRoles: nouns.followedRoles,
    details: nouns.userDetails,
    realms: nouns.connections.homeRealms,
    emailProofs: proofs.emailProofs,
    provided: comingIn.registration.provided,
    invitationCookie: comingIn.registration.invitationCookie,
    createUrl: comingIn.registration.createUrl,
    upstream,
    logout: nouns.connections.logout,
    audit,
    tellOwner: credentials.tellOwner,
    counted: metrics?.countSignIn,
  });
  const organization = createOrganizationStep({
    engine: oidc.interactions,
    users,
    organizations: nouns.organizations.organizations,
    members: nouns.organizations.members,
    joining: nouns.domains.joining,
    choices: nouns.organizationChoices,
  });
  const consent = createConsent({
    engine: oidc.interactions,
    consents,
    users,
    apis: apis.lookup,
    findOrganization: (id) => nouns.knownOrganizations.find(id),
  });
  const { routes, goOnWhenSentTwice, showGone } = createInteraction({
    clock,
    engine: oidc.interactions,
    gone: oidc.gone,
    current: oidc.current,
    progress,
    ways,
    remembered,
    passkeysHere,
    cookies,
    users,
    secondFactorOverviews: credentials.secondFactorOverviews,
    passkeys,
    texts,
    policies,
    providers: upstream,
    demands: nouns.connections.homeRealms,
    newAccounts: comingIn.registration.pending,
    risk: risk.risk,
    audit,
    dress: look.branding.dress,
    steps: [
      createRestriction({ engine: oidc.interactions, ways, refused }),
      risk.step,
      login,
      passwordless,
      passkey,
      federation,
      mfa,
      recovery,
      createVerification({ config, emailProofs: proofs.emailProofs, emailChanges: proofs.emailChanges }),
      comingIn.registration.step,
      organization,
      consent,
      account.step,
    ],
  });
  const contactPages = createContactPages({
    config,
    emailProofs: proofs.emailProofs,
    emailChanges: proofs.emailChanges,
    phoneProofs: proofs.phoneProofs,
    phoneChanges: proofs.phoneChanges,
    ownPages: provider.ownPages,
    contacts,
    texts,
    deviceCookie,
  });
  const setup = createSetup({
    config,
    clock,
    database,
    users,
    roleHolders: nouns.roleHolders,
    passwords,
    startUrl: config.embedded ? '/' : '/account',
  });
  return {
    goOnWhenSentTwice,
    showGone,
    setup: setup.setup,
    risk,
    comingIn,
    recovery,
    account,
    contactAdministration: proofs.contactAdministration,
    routes: [routes, notMe.routes, contactPages.routes, comingIn.routes, setup.routes, account.routes].flat(),
  };
}
