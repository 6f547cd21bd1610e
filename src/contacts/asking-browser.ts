import type { AskingBrowser } from '#credentials/module.ts';
import type { Context } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import type { SignedInPerson } from '#sessions/module.ts';

/**
 * The browser in which a signed-in person asks for a code. Its cookie stays when they prove again who they are, which a session
 * need not; the account's own rates do not count for what is to be proved here.
 */
export const askingBrowser = (
  ctx: Context,
  deviceCookie: Pick<BrowserCookie, 'read'>,
  { sessionId }: Pick<SignedInPerson, 'sessionId'>,
): AskingBrowser => ({ holds: deviceCookie.read(ctx) ?? sessionId, deviceSecret: undefined });
