/** Applications that sign users in by SAML. */
import { z } from 'zod';
import { clientIdRetired, clientIdTaken, metadataInvalid } from '#applications/clients/errors.ts';
import { clientDeleted } from '#applications/clients/events.ts';
import type { By } from '#audit/module.ts';
import { organizationNotFound } from '#directory/organizations/errors.ts';
import { userNotFound } from '#directory/users/errors.ts';
import { givenEmail } from '#directory/users/typed/email-address.ts';
import type { UserService } from '#directory/users/module.ts';
import { parseId } from '#kernel/ids.ts';
import type { Clock } from '#kernel/clock.ts';
import { listOperation } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { searchText } from '#kernel/operations/schemas.ts';
import type { ApplicationMetadata } from './application-metadata.ts';
import type { Application, ApplicationService } from './application-service.ts';
import {
  applicationOnWire,
  applicationSchema,
  launchRelayState,
  ownUrls,
  ruleShape,
  sourceShape,
} from './application-wire.ts';
import { applicationInvalid, applicationNotFound, entityIdTaken, metadataRefused } from './errors.ts';
import { samlApplicationChanged, samlApplicationCreated, samlApplicationMetadataChanged } from './events.ts';
import { warningsOf } from './expiry.ts';
import { collectConsumer } from './given-members.ts';
import type { MetadataSource } from './metadata-source.ts';
import type { PersistentNames } from './persistent-names.ts';
import { scopesFor, type ToldUser } from './told-user.ts';

type Services = {
  applications: ApplicationService;
  source: Pick<MetadataSource, 'settle'>;
  metadata: Pick<ApplicationMetadata, 'refresh'>;
  told: ToldUser;
  names: Pick<PersistentNames, 'find'>;
  users: Pick<UserService, 'findByIdentifier'>;
  issuer: string;
  clock: Clock;
};

const params = { client_id: z.string().max(255).describe('Client identifier of the application') };
const launch = launchRelayState.nullable().optional().describe('RelayState of a sign-in that begins here');
const options = {
  requires_signed_requests: { flags: '--requires-signed-requests <yes>' },
  encrypts_assertions: { flags: '--encrypts-assertions <yes>' },
  launchable: { flags: '--launchable <yes>' },
  metadata: { flags: '--metadata-file <file>', isFile: true },
  metadata_certificates: { flags: '--metadata-certificates-file <file>', isFile: true },
  acs_urls: { flags: '--acs-url <url>', read: collectConsumer },
} as const;

const onWire = (application: Application, { issuer, clock }: Services) =>
  applicationOnWire(application, { issuer, warnings: warningsOf(application.provider, clock.now()) });

const createApplication = operation({
  name: 'saml_applications.create',
  permission: 'clients.manage',
  input: z.strictObject({
    name: z.string().describe('Name that users see'),
    client_id: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be 1 to 63 small letters, digits, "-" and "_"')
      .optional()
      .describe('Identifier, which is part of our addresses for it; a generated one by default'),
    first_party: z
      .boolean()
      .optional()
      .describe('The application belongs to the operator, so that no consent is asked'),
    ...sourceShape,
    ...ruleShape,
    launch_relay_state: launch,
  }),
  output: applicationSchema,
  errors: [applicationInvalid, metadataRefused, entityIdTaken, clientIdTaken, clientIdRetired, metadataInvalid],
  event: samlApplicationCreated,
  description: 'Create an application that signs users in by SAML, from its metadata or from its members.',
  example: {
    name: 'Wiki',
    client_id: 'wiki',
    entity_id: 'https://wiki.example.com/saml',
    acs_urls: [{ url: 'https://wiki.example.com/saml/acs' }],
  },
  command: { options: { ...options, first_party: { flags: '--first-party' } } },
  run: async ({ name, client_id: clientId, first_party: firstParty, ...given }, by: By, services: Services) => {
    const { entityId = '', consumers = [], ...members } = await services.source.settle(given, null);
    const application = await services.applications.create(
      { name, clientId, firstParty: firstParty ?? false, entityId, consumers, ...members },
      by,
    );
    return onWire(application, services);
  },
});

const listApplications = listOperation({
  name: 'saml_applications.list',
  permission: 'clients.read',
  filters: {
    search: searchText.optional().describe('Only those whose client_id or entity identifier contains this text'),
  },
  sorts: ['created_at', 'client_id'],
  items: 'applications',
  item: applicationSchema,
  description: 'List the applications that sign users in by SAML, with warnings about certificates that end.',
  example: { limit: 20 },
  run: async (filters, page, _by: By, services: Services) => {
    const { items, ...others } = await services.applications.page(filters, page);
    return { ...others, items: items.map((each) => onWire(each, services)) };
  },
});

const readApplication = operation({
  name: 'saml_applications.read',
  permission: 'clients.read',
  params,
  output: applicationSchema,
  errors: [applicationNotFound],
  description: 'Show one application that signs users in by SAML.',
  run: async ({ client_id: clientId }, _by: By, services: Services) =>
    onWire(await services.applications.require(clientId), services),
});

const updateApplication = operation({
  name: 'saml_applications.update',
  permission: 'clients.manage',
  params,
  input: z.strictObject({ ...sourceShape, ...ruleShape, launch_relay_state: launch }),
  output: applicationSchema,
  errors: [applicationNotFound, applicationInvalid, metadataRefused, entityIdTaken],
  event: samlApplicationChanged,
  description:
    'Change an application that signs users in by SAML. Members that are not named stay; lists are replaced. Change name and consent at its client.',
  example: { name_id_format: 'email' as const },
  command: { options },
  run: async ({ client_id: clientId, ...given }, by: By, services: Services) => {
    const { provider } = await services.applications.require(clientId);
    const change = await services.source.settle(given, provider);
    return onWire(await services.applications.change(clientId, change, by), services);
  },
});

const refreshMetadata = operation({
  name: 'saml_applications.refresh_metadata',
  permission: 'clients.manage',
  params,
  output: applicationSchema,
  errors: [applicationNotFound, metadataRefused],
  event: samlApplicationMetadataChanged,
  command: { words: 'saml-application refresh-metadata' },
  description:
    'Read the metadata of an application again from its address, which happens every day. Members that an operator named stay.',
  run: async ({ client_id: clientId }, by: By, services: Services) => {
    await services.metadata.refresh(clientId, by);
    return onWire(await services.applications.require(clientId), services);
  },
});

const deleteApplication = operation({
  name: 'saml_applications.delete',
  permission: 'clients.manage',
  params,
  output: z.strictObject({ client_id: z.string(), deleted: z.literal(true) }),
  errors: [applicationNotFound],
  event: clientDeleted,
  description: 'Delete an application that signs users in by SAML, with the identifiers that it knows users by.',
  run: async ({ client_id: clientId }, by: By, { applications }: Services) => {
    await applications.delete(clientId, by);
    return { client_id: clientId, deleted: true as const };
  },
});

/** In place of a persistent identifier that is not made yet. */
const LATER = 'assigned at the first sign-in';

const previewAssertion = operation({
  name: 'saml_applications.preview_claims',
  permission: 'users.read',
  params,
  input: z.strictObject({
    user: givenEmail.min(1).max(320).describe('User, by id, email address or username'),
    organization_id: z.string().optional().describe('Organization that the sign-in is for; none by default'),
  }),
  output: z.strictObject({
    client_id: z.string(),
    user_id: z.string(),
    name_id: z.strictObject({ format: z.string(), value: z.string() }).nullable().describe('Null where sign-ins fail'),
    attributes: z.array(
      z.strictObject({ name: z.string(), friendly_name: z.string().nullable(), values: z.array(z.string()) }),
    ),
  }),
  errors: [applicationNotFound, userNotFound, organizationNotFound],
  command: { words: 'saml-application preview' },
  description: 'Show the identifier and the attributes that an assertion would have for a user.',
  example: { user: 'ada@example.com' },
  run: async ({ client_id: clientId, user, organization_id: organizationId = null }, _by: By, services: Services) => {
    const { applications, told, names, users, issuer } = services;
    const application = await applications.require(clientId);
    const userId = parseId('usr', user) ?? (await users.findByIdentifier(user))?.id;
    if (!userId) throw userNotFound();
    const { client, provider } = application;
    const persistent = (await names.find(client.id, userId)) ?? LATER;
    const parties = { ours: ownUrls(issuer, clientId).metadata, theirs: provider.entityId };
    const nameId = await told.nameId(provider.nameIdFormat, { userId, persistent }, parties);
    const attributes = await told.attributes(application, { userId, organizationId, scopes: scopesFor(application) });
    return {
      client_id: clientId,
      user_id: userId,
      name_id: nameId && { format: nameId.format, value: nameId.value },
      attributes: attributes.map(({ name, friendlyName, values }) => ({
        name,
        friendly_name: friendlyName,
        values: [...values],
      })),
    };
  },
});

export const samlApplicationOperations = [
  createApplication,
  listApplications,
  readApplication,
  updateApplication,
  refreshMetadata,
  deleteApplication,
  previewAssertion,
];
