import type { SignedInPerson } from '#sessions/module.ts';
import type { Asker } from '#verification/module.ts';

/**
 * The browser in which a signed-in person asks for a code, by its cookie: that stays when they prove again who they are, which a
 * session need not. The account's own rates do not count for what is to be proved here.
 */
export const askingBrowser = (
  deviceSecret: string | undefined,
  { sessionId }: Pick<SignedInPerson, 'sessionId'>,
): Asker['browser'] => ({ holds: deviceSecret ?? sessionId, deviceSecret: undefined });
