/** The services of each operation. */
import type { createApiStores } from '#api/module.ts';
import { type By, callerOf, createCatalogue } from '#audit/module.ts';
import { accountOperations } from '#directory/users/management/account-operations.ts';
import { passwordOperations } from '#credentials/passwords/operations.ts';
import { recoveryOperations } from '#sign-in/recovery/operations.ts';
import { pictureOperations } from '#directory/users/pictures/picture-operations.ts';
import { bulkUserOperations } from '#directory/users/management/bulk-operations.ts';
import { createAccessAdministration } from '#directory/access/administration.ts';
import { accessOperations } from '#directory/access/operations.ts';
import { identityOperations } from '#account/linked-accounts/operations.ts';
import { meOperations } from '#account/me/operations.ts';
import { auditOperations } from '#audit/operations.ts';
import { eventOperations } from '#audit/event-operations.ts';
import { organizationEventOperations } from '#directory/organizations/event-operations.ts';
import { organizationBrandOperations } from '#branding/organization-operations.ts';
import { brandingOperations } from '#branding/operations.ts';
import { clientBrandOperations } from '#branding/client-operations.ts';
import { apiOperations } from '#applications/apis/operations.ts';
import { apiScopeOperations } from '#applications/apis/scope-operations.ts';
import { clientOperations } from '#applications/clients/operations.ts';
import { clientSecretOperations } from '#applications/clients/secret-operations.ts';
import { claimsPreviewOperations } from '#oidc/told-claims/operations.ts';
import { connectionOperations } from '#connections/operations.ts';
import { organizationConnectionOperations } from '#connections/organization-operations.ts';
import { consentOperations } from '#oidc/consents/operations.ts';
import { credentialOperations } from '#credentials/operations.ts';
import { factorOperations } from '#credentials/factor-operations.ts';
import { trustedBrowserOperations } from '#credentials/trusted-devices/operations.ts';
import { doctorOperations } from '#doctor/operations.ts';
import { databaseOperations } from '#kernel/operations/database.ts';
import { jobOperations } from '#jobs/operations.ts';
import { createJobAdministration } from '#jobs/module.ts';
import { keyOperations } from '#oidc/keys/operations.ts';
import { emailOperations } from '#directory/contacts/email-operations.ts';
import { phoneNumberOperations } from '#directory/contacts/phone-operations.ts';
import { domainOperations } from '#directory/domains/operations.ts';
import { joinOperations } from '#directory/domains/join-operations.ts';
import { organizationClientOperations } from '#directory/organization-clients/operations.ts';
import { mfaOperations } from '#sign-in/mfa/operations.ts';
import { migrationOperations } from '#migration/operations.ts';
import { memberBulkOperations } from '#directory/organizations/member-bulk-operations.ts';
import { memberOperations } from '#directory/organizations/member-operations.ts';
import { organizationInvitationOperations } from '#directory/invitations/operations.ts';
import { organizationOperations } from '#directory/organizations/operations.ts';
import { organizationPolicyOperations } from '#directory/organizations/policy-operations.ts';
import { registrationTokenOperations } from '#oidc/registration/operations.ts';
import { signInOperations } from '#sign-in/interaction/operations.ts';
import { invitationOperations } from '#sign-in/registration/operations.ts';
import { samlKeyOperations } from '#saml/keys/operations.ts';
import { samlApplicationOperations } from '#saml/applications/operations.ts';
import { sessionOperations } from '#oidc/sessions/operations.ts';
import { settingsOperations } from '#settings/operations.ts';
import { userOperations } from '#directory/users/operations.ts';
import { waitlistOperations } from '#directory/waitlist/operations.ts';
import { deviceName } from '#kernel/http/device-name.ts';
import { holdersOf } from '#directory/access/module.ts';
import { ShownUsers, UserAdministration, withSecondFactor } from '#credentials/module.ts';
import { type BoundOperation, bindOperations } from '#kernel/operations/bound-operation.ts';
import { ResetService } from '#sign-in/mfa/module.ts';
import { withSealedCursors } from '#kernel/operations/cursors.ts';
import { membersOf } from '#directory/organizations/module.ts';
import { eventTypes, shownEventTypes } from './event-types.ts';
import { PropertyService, UserList } from '#directory/users/module.ts';
import type { createInstanceDoctor } from './doctor.ts';
import type { Kernel } from './kernel.ts';
import type { Nouns } from './nouns.ts';
import type { Provider } from './provider.ts';
import type { Saml } from './saml.ts';
import type { Steps } from './steps.ts';

/** Each operation with the services that it needs. */
export function createOperations(
  { clock, config, database, invalidation, jobs, keyRing, mailbox }: Kernel,
  nouns: Nouns,
  { consents, oidc, recentProof, sessions, upstream }: Provider,
  { comingIn, account, contactAdministration, recovery }: Steps,
  saml: Saml,
  { answers }: ReturnType<typeof createApiStores>,
  doctor: ReturnType<typeof createInstanceDoctor>,
): readonly BoundOperation<By>[] {
  const {
    audit,
    policies,
    settings,
    look,
    users,
    roleHolders,
    accessRevocation,
    clients,
    apis,
    keys,
    credentials,
    migration,
  } = nouns;
  const list = new UserList({ clock, database, queries: { membersOf, holdersOf, withSecondFactor } });
  const catalogue = createCatalogue(eventTypes, shownEventTypes);
  const administration = new UserAdministration({
    database,
    users,
    list,
    usernames: nouns.usernames,
    roleHolders,
    passwordDemands: nouns.passwordDemands,
    passwords: credentials.passwords,
    passkeys: credentials.passkeys,
    totp: credentials.totp,
    recoveryCodes: credentials.recoveryCodes,
    secondFactorOverviews: credentials.secondFactorOverviews,
  });
  const managed = nouns.managedUsers;
  const properties = new PropertyService({ clock, database, audit, policies, roleHolders });
  const resets = new ResetService({
    database,
    users,
    roleHolders,
    audit,
    accessRevocation,
    totp: credentials.totp,
    recoveryCodes: credentials.recoveryCodes,
    passkeys: credentials.passkeys,
    secondFactorAttempts: credentials.secondFactorAttempts,
    secondFactorRequests: credentials.secondFactorRequests,
    tellOwner: credentials.tellOwner,
  });
  const administrationOfAccess = createAccessAdministration({
    clock,
    database,
    audit,
    effective: nouns.effective,
    places: nouns.organizations.organizations,
    administrators: roleHolders,
    apis: apis.lookup,
    clients: clients.lookup,
    tokens: oidc.tokenSubjects,
  });
  const bound = [
    bindOperations(accessOperations, administrationOfAccess),
    bindOperations(databaseOperations, { database }),
    bindOperations(doctorOperations, doctor),
    bindOperations(jobOperations, createJobAdministration({ database, jobs, audit })),
    bindOperations(clientOperations, { clients: clients.clients, secrets: clients.secrets }),
    bindOperations(clientSecretOperations, { clients: clients.clients, secrets: clients.secrets }),
    bindOperations(samlApplicationOperations, {
      applications: saml.applications,
      source: saml.source,
      metadata: saml.metadata,
      told: saml.told,
      names: saml.names,
      users,
      issuer: config.issuer,
      clock,
    }),
    bindOperations(claimsPreviewOperations, { preview: oidc.claimsPreview, users }),
    bindOperations(apiOperations, { apis: apis.apis }),
    bindOperations(apiScopeOperations, { apis: apis.apis }),
    bindOperations(credentialOperations, {
      administration,
      shown: new ShownUsers({ clock, database, invalidation, administration, list }),
    }),
    bindOperations(emailOperations, { managed, contactAdministration }),
    bindOperations(phoneNumberOperations, { managed, contactAdministration }),
    bindOperations(factorOperations, {
      managed,
      passkeys: credentials.passkeys,
      totp: credentials.totp,
      recoveryCodes: credentials.recoveryCodes,
    }),
    bindOperations(trustedBrowserOperations, { managed, trustedDevices: credentials.trustedDevices }),
    bindOperations(userOperations, {
      users,
      usernames: nouns.usernames,
      organizationCreation: nouns.organizationCreation,
      properties,
    }),
    bindOperations(accountOperations, {
      users,
      details: nouns.userDetails,
      properties,
      closing: account.closing,
    }),
    bindOperations(bulkUserOperations, { users, details: nouns.userDetails }),
    bindOperations(pictureOperations, { pictures: nouns.pictures }),
    bindOperations(passwordOperations, { passwordAdministration: account.passwordAdministration }),
    bindOperations(recoveryOperations, { recovery }),
    bindOperations(signInOperations, { managed, events: nouns.eventSearch, clients: clients.lookup, deviceName }),
    bindOperations(organizationOperations, {
      organizations: nouns.organizations.organizations,
      closing: nouns.organizations.closing,
    }),
    bindOperations(organizationBrandOperations, {
      organizations: nouns.organizations.organizations,
      organizationBrands: look.branding.organizationBrands,
    }),
    bindOperations(memberOperations, {
      organizations: nouns.organizations.organizations,
      members: nouns.organizations.members,
    }),
    bindOperations(memberBulkOperations, {
      organizations: nouns.organizations.organizations,
      members: nouns.organizations.members,
      users,
    }),
    bindOperations(domainOperations, {
      organizations: nouns.organizations.organizations,
      domains: nouns.domains.domains,
      checks: nouns.domains.checks,
    }),
    bindOperations(joinOperations, {
      organizations: nouns.organizations.organizations,
      joining: nouns.domains.joining,
    }),
    bindOperations(organizationClientOperations, {
      organizations: nouns.organizations.organizations,
      organizationClients: nouns.organizationClients,
    }),
    bindOperations(organizationInvitationOperations, {
      organizations: nouns.organizations.organizations,
      invitations: nouns.organizationInvitations.invitations,
    }),
    bindOperations(connectionOperations, {
      connections: nouns.connections.connections,
      callbackUrl: nouns.connections.callbackUrl,
      saml: nouns.connections.saml,
      serviceProvider: nouns.connections.serviceProvider,
      tests: nouns.connections.tests,
      upstreamTokens: nouns.connections.upstreamTokens,
      roleHolders,
    }),
    bindOperations(organizationConnectionOperations, {
      organizations: nouns.organizations.organizations,
      connections: nouns.connections.connections,
      callbackUrl: nouns.connections.callbackUrl,
      saml: nouns.connections.saml,
      serviceProvider: nouns.connections.serviceProvider,
      tests: nouns.connections.tests,
    }),
    bindOperations(mfaOperations, { resets }),
    bindOperations(invitationOperations, { invitations: comingIn.registration.invitations }),
    bindOperations(migrationOperations, { imports: migration.imports, exports: migration.exports }),
    bindOperations(waitlistOperations, { waitlist: comingIn.waitlist }),
    bindOperations(identityOperations, { managed, linkedAccounts: account.linkedAccounts }),
    bindOperations(meOperations, {
      users,
      policies,
      ownProfile: account.ownProfile,
      members: nouns.organizations.members,
      effective: nouns.effective,
      sessions,
      recentProof,
      administration,
      dataExport: account.dataExport,
    }),
    bindOperations(sessionOperations, { sessions, managed }),
    bindOperations(consentOperations, { consents, managed }),
    bindOperations(keyOperations, {
      service: keys.service,
      rotation: keys.rotation,
      sealed: {
        'signing keys': () => keys.service.reencrypt(),
        'keys for SAML': () => nouns.saml.keys.service.reencrypt(),
        'client secrets': () => clients.secrets.reencrypt(),
        'secrets of connections': () => nouns.connections.connections.reencrypt(),
        'tokens of identity providers': () => nouns.identities.tokens.reencrypt(),
        'sessions at identity providers': () => upstream.sessions.reencrypt(),
        'authenticator apps': () => credentials.totp.reencrypt(),
        'authenticator apps that are not confirmed': () => credentials.totpEnrolments.reencrypt(),
        'recovery codes that are shown': () => credentials.recoveryCodes.reencrypt(),
        'sign-ins at identity providers': () => upstream.attempts.reencrypt(),
        'sign-ins at applications': () => saml.pending.reencrypt(),
        'sign-outs at applications': () => saml.chains.reencrypt(),
        'keys of audit seals': () => nouns.sealingKeys.reencrypt(),
        'answers of the API': () => answers.reencrypt(),
        jobs: () => jobs.reencrypt(),
        'mails of the mailbox': mailbox?.reencrypt,
      },
    }),
    bindOperations(samlKeyOperations, nouns.saml.keys),
    bindOperations(registrationTokenOperations, { initialTokens: oidc.initialTokens }),
    bindOperations(organizationPolicyOperations, { policy: nouns.organizationPolicy }),
    bindOperations(settingsOperations, { settings }),
    bindOperations(brandingOperations, { brands: look.branding.brands, settings }),
    bindOperations(clientBrandOperations, { brands: look.branding.brands, logos: look.branding.logos }),
    bindOperations(auditOperations, {
      verifier: nouns.verifier,
      checkpoints: nouns.checkpoints,
      retention: nouns.retention,
    }),
    bindOperations(eventOperations, { events: nouns.eventSearch, catalogue }),
    bindOperations(organizationEventOperations, {
      organizations: nouns.organizations.organizations,
      events: nouns.eventSearch,
      catalogue,
    }),
  ].flat();
  return withSealedCursors(bound, keyRing, callerOf);
}
