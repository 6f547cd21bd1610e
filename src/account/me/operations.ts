/**
 * The user of an access token, at `/api/v1/me`. Permissions that begin with `own_` need no role. The command line is no user, so none of
 * these is a command.
 */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import type { UserAdministration } from '#credentials/module.ts';
import { credentialOnWire, credentialSchema } from '#credentials/credential-wire.ts';
import type { MemberService, OrganizationId } from '#directory/organizations/module.ts';
import {
  profileInvalid,
  propertiesInvalid,
  usernameInvalid,
  usernameMissing,
  usernameNeeded,
  usernamesOff,
  usernameTaken,
} from '#directory/users/errors.ts';
import { userProfileChanged } from '#directory/users/events.ts';
import type { ReadUser, UserId, UserService } from '#directory/users/module.ts';
import { profileSchema } from '#directory/users/profile.ts';
import { parseId } from '#kernel/ids.ts';
import { listOperation, pageOfAll } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { reauthRequired, sessionNotFound } from '#oidc/sessions/errors.ts';
import type { RecentProof, SessionService } from '#oidc/sessions/module.ts';
import { sessionOnWire, sessionSchema } from '#oidc/sessions/session-wire.ts';
import { sessionEnded } from '#oidc/events.ts';
import type { Policies } from '#settings/module.ts';
import type { DataExport } from '../data/data-export.ts';
import { noUser } from '../errors.ts';
import { userDataDownloaded } from '../events.ts';
import { meOnWire, meSchema } from './me-wire.ts';
import type { OwnProfile } from './own-profile.ts';

type Services = {
  users: Pick<UserService, 'findById'>;
  policies: Policies<'profile'>;
  ownProfile: OwnProfile;
  members: Pick<MemberService, 'organizationsOf'>;
  /** Of the slice access; inherited roles included. */
  effective: {
    rolesOf(userId: UserId, organizationId: OrganizationId): Promise<readonly string[]>;
    permissionsOf(userId: UserId, organizationId: OrganizationId): Promise<ReadonlySet<string>>;
  };
  sessions: Pick<SessionService, 'list' | 'require' | 'end'>;
  recentProof: RecentProof;
  administration: Pick<UserAdministration, 'credentialsOf'>;
  dataExport: DataExport;
};

const ownerOf = ({ actor }: By): UserId => {
  const id = actor.type === 'user' ? parseId('usr', actor.id ?? '') : null;
  if (id === null) throw noUser();
  return id;
};

/** The user of a token was found a moment ago. */
async function userOf({ users }: Pick<Services, 'users'>, by: By): Promise<ReadUser> {
  const user = await users.findById(ownerOf(by));
  if (user === null) throw noUser();
  return user;
}

const shown = (services: Services, user: ReadUser) =>
  meOnWire(user, services.policies.for({ user: user.id }).profile.properties);

const readMe = operation({
  name: 'me.read',
  permission: 'own_profile.read',
  output: meSchema,
  errors: [noUser],
  description: 'Show the user of the access token.',
  command: false,
  run: async (_given, by: By, services: Services) => shown(services, await userOf(services, by)),
});

const claim = (schema: z.ZodOptional<z.ZodType<string, string>>, text: string) =>
  schema.unwrap().nullable().optional().describe(text);
const { name, given_name, family_name, nickname, birthdate, website, locale } = profileSchema.shape;

const updateMe = operation({
  name: 'me.update',
  permission: 'own_profile.manage',
  input: z.strictObject({
    username: z
      .string()
      .nullable()
      .optional()
      .describe('Username for sign-in, where the setting users.username allows it'),
    name: claim(name, 'Claim name'),
    given_name: claim(given_name, 'Claim given_name'),
    family_name: claim(family_name, 'Claim family_name'),
    nickname: claim(nickname, 'Claim nickname'),
    birthdate: claim(birthdate, 'Claim birthdate'),
    website: claim(website, 'Claim website'),
    locale: claim(locale, 'Language of pages and mails, such as de-CH'),
    theme: z
      .enum(['light', 'dark'])
      .nullable()
      .optional()
      .describe('Appearance of the pages; null follows the browser'),
    properties: z
      .record(z.string(), z.unknown(), 'must be an object')
      .optional()
      .describe('Custom properties that users change themselves; null removes one'),
  }),
  output: meSchema,
  errors: [
    noUser,
    profileInvalid,
    propertiesInvalid,
    usernameTaken,
    usernameInvalid,
    usernameMissing,
    usernameNeeded,
    usernamesOff,
  ],
  event: userProfileChanged,
  description: 'Change the profile of the user of the access token. Members that are missing stay, null removes one.',
  example: { given_name: 'Ada' },
  command: false,
  run: async (change, by: By, services: Services) => {
    await services.ownProfile.change(await userOf(services, by), change, by);
    return shown(services, await userOf(services, by));
  },
});

const organizationSchema = z.strictObject({
  id: z.string(),
  slug: z.string(),
  name: z.string(),
  status: z.enum(['active', 'suspended', 'closing']),
  roles: z.array(z.string()).describe('Names of the roles there, inherited ones included'),
  permissions: z.array(z.string()).describe('Effective permissions there'),
});

const listOrganizations = listOperation({
  name: 'me.organizations.list',
  permission: 'own_organizations.read',
  sorts: ['name'],
  items: 'organizations',
  item: organizationSchema,
  errors: [noUser],
  description: 'List the organizations of the user of the access token, with the roles and the permissions there.',
  example: { limit: 20 },
  command: false,
  run: async (_given, page, by: By, { members, effective }: Services) => {
    const userId = ownerOf(by);
    const found = pageOfAll(
      await members.organizationsOf(userId),
      page,
      (each) => `${each.name.toLowerCase()} ${each.id}`,
    );
    const items = await Promise.all(
      found.items.map(async ({ id, slug, name: called, status }) => ({
        id,
        slug,
        name: called,
        status,
        roles: [...(await effective.rolesOf(userId, id))],
        permissions: [...(await effective.permissionsOf(userId, id))].toSorted(),
      })),
    );
    return { ...found, items };
  },
});

const ownSessionSchema = sessionSchema.extend({
  current: z.boolean().describe('Whether the access token comes from this session'),
});

const listSessions = listOperation({
  name: 'me.sessions.list',
  permission: 'own_sessions.read',
  sorts: ['signed_in_at'],
  isDescendingUnlessSaid: true,
  items: 'sessions',
  item: ownSessionSchema,
  errors: [noUser],
  description: 'List the browsers in which the user of the access token is signed in, newest sign-in first.',
  example: { limit: 20 },
  command: false,
  run: async (_given, page, by: By, { sessions }: Services) => {
    const all = (await sessions.list(ownerOf(by))).map((each) => ({
      ...sessionOnWire(each),
      current: each.id === by.sessionId,
    }));
    return pageOfAll(all, page, ({ id, signed_in_at: at }) => `${at} ${id}`);
  },
});

const session = { session_id: z.string() };

const readSession = operation({
  name: 'me.sessions.read',
  permission: 'own_sessions.read',
  params: session,
  output: ownSessionSchema,
  errors: [sessionNotFound, noUser],
  description: 'Show one browser in which the user of the access token is signed in.',
  command: false,
  run: async ({ session_id: id }, by: By, { sessions }: Services) => ({
    ...sessionOnWire(await sessions.require(ownerOf(by), id)),
    current: id === by.sessionId,
  }),
});

const endSession = operation({
  name: 'me.sessions.delete',
  permission: 'own_sessions.manage',
  params: session,
  output: z.strictObject({ id: z.string(), ended: z.literal(true) }),
  errors: [sessionNotFound, noUser],
  event: sessionEnded,
  description: 'Sign the user of the access token out in one browser.',
  command: false,
  run: async ({ session_id: id }, by: By, { sessions }: Services) => {
    await sessions.end(ownerOf(by), id, by);
    return { id, ended: true as const };
  },
});

const listFactors = listOperation({
  name: 'me.factors.list',
  permission: 'own_factors.read',
  sorts: ['method'],
  items: 'factors',
  item: credentialSchema,
  errors: [noUser],
  description: 'List the credentials with which the user of the access token signs in, without their secrets.',
  example: { limit: 20 },
  command: false,
  run: async (_given, page, by: By, { administration }: Services) => {
    const all = (await administration.credentialsOf(ownerOf(by))).map(credentialOnWire);
    return pageOfAll(all, page, ({ method, id = '' }) => `${method} ${id}`);
  },
});

const exportData = operation({
  name: 'me.export',
  permission: 'own_data.export',
  output: z.looseObject({ id: z.string() }),
  errors: [noUser, reauthRequired],
  event: userDataDownloaded,
  description:
    'Give everything that is stored about the user of the access token, without secrets, and tell the user by mail. In the session of the token the user proved who they are within the last five minutes, with the second factor if they have one.',
  command: false,
  run: async (_given, by: By, { users, recentProof, dataExport }: Services) => {
    const user = await userOf({ users }, by);
    await recentProof.require(user.id, by.sessionId);
    return { ...(await dataExport.download(user, by)), id: user.id };
  },
});

export const meOperations = [
  readMe,
  updateMe,
  listOrganizations,
  listSessions,
  readSession,
  endSession,
  listFactors,
  exportData,
];
