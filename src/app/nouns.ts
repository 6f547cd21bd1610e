/** The nouns of the product: settings, how it looks, users, what they prove themselves with, relying parties and keys. */
import { access, apiScopes, createPermissions, permissions } from '#directory/access/module.ts';
import { PICTURE_PATH } from '#account/module.ts';
import { createAudit, createAuditProofs } from '#audit/module.ts';
import { createApis, ownApi } from '#applications/apis/module.ts';
import { createClients } from '#applications/clients/module.ts';
import { createCredentials, type HashCost } from '#credentials/module.ts';
import { clientCertificatesOf } from '#kernel/http/client-certificate.ts';
import { ownUrls } from '#kernel/issuer.ts';
import { createSms } from '#kernel/sms/sms.ts';
import { createTexts } from '#kernel/sms/texts.ts';
import { createKeys } from '#oidc/keys/module.ts';
import { createMigration, createOldSystem } from '#migration/module.ts';
import { createSettings, instance } from '#settings/module.ts';
import { OrganizationChoices } from '#sign-in/organization/module.ts';
import { createContacts } from '#directory/contacts/module.ts';
import { Memberships, PolicyService } from '#directory/organizations/module.ts';
import { createIdentities } from '#directory/identities/module.ts';
import { createOrganizationInvitations } from '#directory/invitations/module.ts';
import { createUsers, KnownUsers, PictureService, UserActivity } from '#directory/users/module.ts';
import { createAccess } from './access.ts';
import type { Kernel } from './kernel.ts';
import { createLook, createNotices } from './look.ts';
import { createOrganizationNouns } from './organizations.ts';
import { createSamlMessages } from './saml-messages.ts';
import { createUpstream } from './upstream.ts';

export type Nouns = Awaited<ReturnType<typeof createNouns>>;

/** Creates audit log, settings, users, credentials, clients and keys. `hashCost` lowers the cost of password hashes in tests. */
export async function createNouns(kernel: Kernel, hashCost?: HashCost) {
  const { config, clock, database, keyRing, invalidation, jobs, log, mailbox, metrics, outbound } = kernel;
  const {
    log: audit,
    reader: events,
    search: eventSearch,
    sealer,
    sealingKeys,
    partitions,
  } = createAudit({ clock, database, keyRing, log });
  await partitions.ensure();
  const memberships = new Memberships(database);
  const { settings, tightenings, policies } = await createSettings({
    clock,
    database,
    audit,
    invalidation,
    log,
    organizationsOf: (user, em) => memberships.activeOf(user, em),
  });
  const clients = createClients({
    clock,
    database,
    keyRing,
    audit,
    invalidation,
    issuer: config.issuer,
    ownUrls: (path) => ownUrls(config, path),
    policies,
    certificates: clientCertificatesOf(config),
    ownApi: ownApi(permissions),
    apis: { find: (identifier) => apis.lookup.find(identifier) },
  });
  const apis = createApis({
    clock,
    database,
    audit,
    invalidation,
    clients: clients.lookup,
    ownScopes: apiScopes,
  });
  const look = await createLook(kernel, { audit, policies, settings, clients: clients.lookup });
  const texts = createTexts({
    sms: createSms({
      config,
      clock,
      database,
      jobs,
      outbound,
      log,
      mailbox: mailbox?.mailbox,
      policy: () => policies.for(instance).sms,
    }),
    brand: () => look.branding.brands.present(),
    issuer: config.issuerUrl,
  });

  const { accessRevocation, held, progress, revocables } = createAccess(kernel, { audit, policies });
  const { letters } = look;
  const notices = createNotices(kernel, { letters, oneTimeSecrets: revocables.oneTimeSecrets });
  const knownUsers = new KnownUsers({ clock, database, invalidation });
  const { effective, organizationRoles, followedRoles, permissionHolders, endedAssignments, accessBulk, owners } =
    createPermissions({
      clock,
      database,
      audit,
      invalidation,
    });
  const {
    users,
    usernames,
    bulk: userBulk,
    passwordDemands,
    people,
    roleHolders,
    managedUsers,
    profileCompletion,
    userDetails,
    organizationCreation,
  } = createUsers({
    clock,
    database,
    audit,
    accessRevocation,
    rights: access,
    owners,
    policies,
    settings,
    known: knownUsers,
    tellUsernameChanged: (em, owner, change, { visitor }) =>
      notices.ownerLetters.send(em, owner, `username_${change}`, { visitor }),
  });
  const identities = createIdentities({ clock, database, keyRing, audit });
  const { organizations, knownOrganizations, organizationClients, domains } = createOrganizationNouns(kernel, {
    audit,
    policies,
    tightenings,
    users,
    roles: organizationRoles,
    managers: permissionHolders,
    letters,
    clients: clients.lookup,
    connectionsOf: (id) => connections.known.ofOrganization(id),
  });
  const organizationPolicy = new PolicyService({ organizations: organizations.organizations, tightenings, policies });
  const organizationChoices = new OrganizationChoices(clock, database);
  const activity = new UserActivity({ clock, database, log });
  const { contacts, contactBulk } = createContacts({ clock, database });
  const pictures = new PictureService({
    clock,
    database,
    throttle: kernel.throttle,
    audit,
    pictureUrl: `${config.issuer}${PICTURE_PATH}`,
    roleHolders,
  });
  const keys = createKeys({
    clock,
    database,
    keyRing,
    log,
    audit,
    policies,
    invalidation,
  });
  await keys.start();
  const saml = createSamlMessages(kernel, { audit });
  const { checkpoints, verifier, retention } = createAuditProofs({
    clock,
    database,
    log,
    audit,
    sealingKeys,
    keys: keys.service,
    issuer: config.issuer,
    file: config.auditCheckpointFile,
  });
  const { connections } = createUpstream(kernel, {
    messages: saml.messages,
    samlKeys: saml.keys.service,
    audit,
    tokens: identities.tokens,
    deletion: {
      findStranded: (em, connection, asked) => credentials.waysIn.findStranded(em, connection, asked),
      domains: domains.known,
    },
    properties: () => policies.for(instance).profile.properties.map(({ name }) => name),
    clients: clients.lookup,
    roles: organizationRoles,
    organizations: knownOrganizations,
    domains: domains.known,
    users: knownUsers,
    isOwner: (organization, userId) => effective.can(userId, 'organization.close', { organization }),
  });
  const credentials = createCredentials({
    config,
    clock,
    database,
    keyRing,
    policies,
    audit,
    tellOwner: notices.tellOwner,
    oldSystem: createOldSystem({
      clock,
      database,
      log,
      secret: config.migrationSecret,
      outbound,
      policies,
      users,
      audit,
    }),
    outbound,
    log,
    countedBreachCheck: metrics?.countBreachCheck,
    hashCost,
    accessRevocation,
    identities: identities.linked,
    openConnections: connections.openSlugs,
    knownDevices: revocables.knownDevices,
    trustedDevices: revocables.trustedDevices,
    oneTimeSecrets: revocables.oneTimeSecrets,
    webauthnChallenges: revocables.webauthnChallenges,
  });
  const organizationInvitations = createOrganizationInvitations({
    config,
    clock,
    database,
    throttle: kernel.throttle,
    oneTimeSecrets: credentials.oneTimeSecrets,
    organizations: organizations.organizations,
    members: organizations.members,
    roles: organizationRoles,
    rights: effective,
    users,
    contacts,
    letters,
    audit,
  });
  const migration = createMigration({
    clock,
    database,
    users,
    roleHolders,
    usernames,
    userBulk,
    identityBulk: identities.bulk,
    contactBulk,
    accessBulk,
    passwordBulk: credentials.passwordBulk,
    passwords: credentials.passwords,
    totp: credentials.totp,
    audit,
  });
  metrics?.watchHashing({ depth: () => credentials.hashing.depth });
  return {
    audit,
    sealer,
    sealingKeys,
    partitions,
    checkpoints,
    verifier,
    retention,
    policies,
    settings,
    look,
    texts,
    users,
    usernames,
    knownUsers,
    identities,
    activity,
    profileCompletion,
    organizationCreation,
    userDetails,
    notices,
    permissionHolders,
    pictures,
    events,
    eventSearch,
    clients,
    apis,
    keys,
    saml,
    credentials,
    migration,
    passwordDemands,
    people,
    roleHolders,
    managedUsers,
    effective,
    organizationRoles,
    followedRoles,
    endedAssignments,
    organizations,
    organizationInvitations,
    knownOrganizations,
    domains,
    organizationClients,
    connections,
    organizationChoices,
    memberships,
    organizationPolicy,
    contacts,
    accessRevocation,
    held,
    progress,
  };
}
