import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { rightsMissing, userNotFound } from '#directory/users/errors.ts';
import type { ManagedUsers } from '#directory/users/module.ts';
import { listOperation, pageOfAll } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import { sessionEnded } from '../events.ts';
import { sessionNotFound } from './errors.ts';
import type { SessionService } from './session-service.ts';
import { sessionOnWire, sessionSchema } from './session-wire.ts';

type Services = {
  managed: ManagedUsers;
  sessions: Pick<SessionService, 'list' | 'require' | 'end' | 'endEverywhere'>;
};

const ofUser = { user_id: idSchema('usr').describe('User id') };
const session = { ...ofUser, session_id: z.string().describe('Session id') };
const options = { user_id: { flags: '--user <id>' }, session_id: { flags: '--id <session>' } };

const listSessions = listOperation({
  name: 'users.sessions.list',
  permission: 'sessions.read',
  params: ofUser,
  sorts: ['signed_in_at'],
  isDescendingUnlessSaid: true,
  items: 'sessions',
  item: sessionSchema,
  errors: [userNotFound],
  description: 'List the browsers in which a user is signed in, newest sign-in first.',
  example: { limit: 20 },
  command: { words: 'session list', arguments: {}, options },
  run: async ({ user_id: userId }, page, _by: By, { managed, sessions }: Services) => {
    await managed.requireKnown(userId);
    const all = (await sessions.list(userId)).map(sessionOnWire);
    return pageOfAll(all, page, ({ id, signed_in_at: at }) => `${at} ${id}`);
  },
});

const readSession = operation({
  name: 'users.sessions.read',
  permission: 'sessions.read',
  params: session,
  output: sessionSchema,
  errors: [userNotFound, sessionNotFound],
  description: 'Show one browser in which a user is signed in.',
  command: { words: 'session show', arguments: {}, options },
  run: async ({ user_id: userId, session_id: id }, _by: By, { managed, sessions }: Services) => {
    await managed.requireKnown(userId);
    return sessionOnWire(await sessions.require(userId, id));
  },
});

const endSession = operation({
  name: 'users.sessions.delete',
  permission: 'sessions.manage',
  params: session,
  output: z.strictObject({ id: z.string(), ended: z.literal(true) }),
  errors: [userNotFound, rightsMissing, sessionNotFound],
  event: sessionEnded,
  description: 'Sign a user out in one browser or, on the command line with --all, everywhere.',
  command: {
    words: 'session end',
    arguments: {},
    options,
    instead: {
      of: 'session_id',
      flag: '--all',
      description: 'Sign the user out everywhere',
      operation: 'users.sessions.end_all',
    },
  },
  run: async ({ user_id: userId, session_id: id }, by: By, { managed, sessions }: Services) => {
    await managed.requireChangeable(userId, by);
    await sessions.end(userId, id, by);
    return { id, ended: true as const };
  },
});

const endAllSessions = operation({
  name: 'users.sessions.end_all',
  permission: 'sessions.manage',
  params: ofUser,
  output: z.strictObject({ ended: z.int().describe('Number of ended sessions') }),
  errors: [userNotFound, rightsMissing],
  event: sessionEnded,
  description: 'Sign a user out everywhere, and end everything that applications were given for the user.',
  // It is `session end --all`.
  command: false,
  run: async ({ user_id: userId }, by: By, { managed, sessions }: Services) => {
    await managed.requireChangeable(userId, by);
    return { ended: await sessions.endEverywhere(userId, by) };
  },
});

export const sessionOperations = [listSessions, readSession, endSession, endAllSessions];
