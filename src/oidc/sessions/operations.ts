import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { SECOND } from '#kernel/clock.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import { rightsMissing } from '#directory/users/errors.ts';
import type { RoleHolders } from '#directory/users/module.ts';
import type { SignedInBrowser } from './signed-in-browsers.ts';
import { sessionNotFound } from './errors.ts';
import type { SessionService } from './session-service.ts';
import { sessionEnded } from '../events.ts';

type Services = {
  sessions: Pick<SessionService, 'list' | 'end' | 'endEverywhere'>;
  roleHolders: Pick<RoleHolders, 'requireRightsOver'>;
};

const ofUser = { user_id: idSchema('usr').describe('User id') };
const user = { user_id: { flags: '--user <id>' } };

const sessionSchema = z.strictObject({
  id: z.string(),
  signed_in_at: timeSchema,
  expires_at: timeSchema,
  last_seen_at: timeSchema.nullable(),
  ip: z.string().nullable(),
  user_agent: z.string().nullable(),
  client_ids: z.array(z.string()),
});

const listSessions = operation({
  name: 'sessions.list',
  permission: 'sessions.read',
  input: z.strictObject(ofUser),
  output: z.strictObject({ sessions: z.array(sessionSchema) }),
  description: 'List the browsers in which a user is signed in, newest sign-in first.',
  example: { user_id: 'usr_01h455vb4pex5vsknk084sn02q' },
  command: { options: user },
  run: async ({ user_id: userId }, _by: By, { sessions }: Services) => ({
    sessions: (await sessions.list(userId)).map(sessionOnWire),
  }),
});

const endSessions = operation({
  name: 'sessions.end',
  permission: 'sessions.manage',
  input: z
    .strictObject({
      ...ofUser,
      session_id: z.string().optional().describe('Id of one session'),
      all: z.boolean().default(false).describe('All sessions, with every refresh token, access token and open sign-in'),
    })
    .refine(({ session_id: id, all }) => (id !== undefined) !== all, {
      path: ['session_id'],
      error: 'must be given, or all must be true',
    }),
  output: z.strictObject({ ended: z.int().describe('Number of ended sessions') }),
  errors: [rightsMissing, sessionNotFound],
  event: sessionEnded,
  description: 'Sign a user out in one browser or everywhere.',
  example: { user_id: 'usr_01h455vb4pex5vsknk084sn02q', all: true },
  command: { options: { ...user, session_id: { flags: '--id <session>' } } },
  run: async ({ user_id: userId, session_id: id }, by: By, { sessions, roleHolders }: Services) => {
    await roleHolders.requireRightsOver(userId, by);
    if (id === undefined) return { ended: await sessions.endEverywhere(userId, by) };
    await sessions.end(userId, id, by);
    return { ended: 1 };
  },
});

function sessionOnWire(browser: SignedInBrowser): z.input<typeof sessionSchema> {
  const { id, signedInAt, expiresAt, lastSeen, clientIds } = browser;
  return {
    id,
    signed_in_at: isoTime(signedInAt),
    expires_at: isoTime(expiresAt),
    last_seen_at: lastSeen && isoTime(lastSeen.at),
    ip: lastSeen?.ip ?? null,
    user_agent: lastSeen?.userAgent ?? null,
    client_ids: [...clientIds],
  };
}

const isoTime = (numericDate: number): string => new Date(numericDate * SECOND).toISOString();

export const sessionOperations = [listSessions, endSessions];
