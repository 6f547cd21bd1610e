/** A signed-in browser as operations show one. */
import { z } from 'zod';
import { SECOND } from '#kernel/clock.ts';
import { timeSchema } from '#kernel/operations/schemas.ts';
import type { SignedInBrowser } from './signed-in-browsers.ts';

export const sessionSchema = z.strictObject({
  id: z.string(),
  signed_in_at: timeSchema,
  expires_at: timeSchema,
  last_seen_at: timeSchema.nullable(),
  ip: z.string().nullable(),
  user_agent: z.string().nullable(),
  client_ids: z.array(z.string()),
});

/** A session as the command line and the management API show one. */
export function sessionOnWire(browser: SignedInBrowser): z.input<typeof sessionSchema> {
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
