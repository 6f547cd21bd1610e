import { z } from 'zod';
import { operator } from '#audit/module.ts';
import { commandInput } from '#kernel/control.ts';
import { SECOND } from '#kernel/clock.ts';
import { parseId } from '#kernel/ids.ts';
import type { SignedInBrowser } from '#oidc/module.ts';
import type { UserId } from '#users/module.ts';
import { sessionInvalid } from './errors.ts';
import type { SessionService } from './session-service.ts';

const ofUser = z.object({ user: z.string() });
const endInput = z.union([ofUser.extend({ id: z.string() }), ofUser.extend({ all: z.literal(true) })]);

/** `latchkey session …` */
export function sessionCommands(sessions: SessionService) {
  return {
    async 'session.list'(input: unknown) {
      const parsed = ofUser.safeParse(input);
      const found = await sessions.list(userIdOf(parsed.data?.user));
      return { sessions: found.map(browserOnWire) };
    },
    /** One session by `id`, or `all`, which also ends refresh tokens and opaque access tokens. */
    async 'session.end'(input: unknown) {
      const given = commandInput(endInput, input, () =>
        sessionInvalid('Name the user, and one session by its id, or all of them.'),
      );
      const userId = userIdOf(given.user);
      if ('all' in given) return { ended: await sessions.endEverywhere(userId, operator) };
      await sessions.end(userId, given.id, operator);
      return { ended: 1 };
    },
  };
}

/** A signed-in browser as the command line and the management API show one. */
function browserOnWire({ id, signedInAt, expiresAt, lastSeen, clientIds }: SignedInBrowser): Record<string, unknown> {
  return {
    id,
    signed_in_at: isoTime(signedInAt),
    expires_at: isoTime(expiresAt),
    last_seen_at: lastSeen && isoTime(lastSeen.at),
    ip: lastSeen?.ip ?? null,
    user_agent: lastSeen?.userAgent ?? null,
    client_ids: clientIds,
  };
}

function userIdOf(text: string | undefined): UserId {
  const id = text === undefined ? null : parseId('usr', text);
  if (!id) throw sessionInvalid('Name the user by an id like usr_01h455vb4pex5vsknk084sn02q.');
  return id;
}

const isoTime = (numericDate: number): string => new Date(numericDate * SECOND).toISOString();
