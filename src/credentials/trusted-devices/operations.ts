import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { rightsMissing, userNotFound } from '#directory/users/errors.ts';
import type { ManagedUsers } from '#directory/users/module.ts';
import { listOperation, pageOfAll } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import { trustedBrowserOnWire, trustedBrowserSchema } from '../credential-wire.ts';
import { trustedBrowserNotFound } from '../errors.ts';
import { userTrustedDeviceRemoved } from '../events.ts';
import type { TrustedDevices } from './trusted-devices.ts';

type Services = {
  managed: ManagedUsers;
  trustedDevices: Pick<TrustedDevices, 'list' | 'revoke' | 'revokeEach'>;
};

const ofUser = { user_id: idSchema('usr') };
const browser = { ...ofUser, trusted_browser_id: idSchema('tdev') };

const listTrustedBrowsers = listOperation({
  name: 'users.trusted_browsers.list',
  permission: 'users.read',
  params: ofUser,
  sorts: ['created_at'],
  isDescendingUnlessSaid: true,
  items: 'trusted_browsers',
  item: trustedBrowserSchema,
  errors: [userNotFound],
  description: 'List the browsers in which a user is not asked for the second factor, newest first.',
  example: { limit: 20 },
  command: { words: 'user trusted-browsers' },
  run: async ({ user_id: userId }, page, _by: By, { managed, trustedDevices }: Services) => {
    await managed.requireKnown(userId);
    return pageOfAll((await trustedDevices.list(userId)).map(trustedBrowserOnWire), page, ({ id }) => id);
  },
});

const readTrustedBrowser = operation({
  name: 'users.trusted_browsers.read',
  permission: 'users.read',
  params: browser,
  output: trustedBrowserSchema,
  errors: [userNotFound, trustedBrowserNotFound],
  description: 'Show a browser in which a user is not asked for the second factor.',
  command: { words: 'user trusted-browser' },
  run: async ({ user_id: userId, trusted_browser_id: id }, _by: By, { managed, trustedDevices }: Services) => {
    await managed.requireKnown(userId);
    const found = (await trustedDevices.list(userId)).find((each) => each.id === id);
    if (found === undefined) throw trustedBrowserNotFound();
    return trustedBrowserOnWire(found);
  },
});

const forgetTrustedBrowser = operation({
  name: 'users.trusted_browsers.delete',
  permission: 'users.manage',
  params: browser,
  output: z.strictObject({ id: z.string(), removed: z.literal(true) }),
  errors: [userNotFound, rightsMissing, trustedBrowserNotFound],
  event: userTrustedDeviceRemoved,
  description: 'Ask a user for the second factor again in a browser.',
  command: { words: 'user remove-trusted-browser' },
  run: async ({ user_id: userId, trusted_browser_id: id }, by: By, { managed, trustedDevices }: Services) => {
    await managed.requireChangeable(userId, by);
    if (!(await trustedDevices.revoke(userId, id, by))) throw trustedBrowserNotFound();
    return { id, removed: true as const };
  },
});

const forgetAllTrustedBrowsers = operation({
  name: 'users.trusted_browsers.delete_all',
  permission: 'users.manage',
  params: ofUser,
  output: z.strictObject({ removed: z.int().describe('Number of browsers that were trusted') }),
  errors: [userNotFound, rightsMissing],
  event: userTrustedDeviceRemoved,
  description: 'Ask a user for the second factor again in every browser.',
  command: { words: 'user remove-trusted-browsers' },
  run: async ({ user_id: userId }, by: By, { managed, trustedDevices }: Services) => {
    await managed.requireChangeable(userId, by);
    return { removed: await trustedDevices.revokeEach(userId, by) };
  },
});

export const trustedBrowserOperations = [
  listTrustedBrowsers,
  readTrustedBrowser,
  forgetTrustedBrowser,
  forgetAllTrustedBrowsers,
];
