import { type Clock, epochSeconds } from '#kernel/clock.ts';
import type { UserId } from '#directory/users/module.ts';
import type { Level } from '../levels.ts';
import { reauthRequired } from './errors.ts';
import { LATELY } from './limits.ts';
import type { SignedInBrowsers } from './signed-in-browsers.ts';

type Dependencies = {
  clock: Clock;
  browsers: Pick<SignedInBrowsers, 'findProof'>;
  /** The level that this user must show for what is sensitive. */
  reachable(userId: UserId): Promise<Level>;
};

/** The gate of our own pages before what is sensitive, for programs that act for a user by an access token. */
export class RecentProof {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /**
   * In the session from which the token came, the user proved all that they can prove within the last minutes. Throws
   * sessions.reauth_required, also where the session is over and the token outlived it.
   */
  async require(userId: UserId, sessionId: string | undefined): Promise<void> {
    const { clock, browsers, reachable } = this.#deps;
    const proof = sessionId === undefined ? null : await browsers.findProof(userId, sessionId);
    const isRecent = proof !== null && epochSeconds(clock) - proof.authTime <= LATELY;
    if (!isRecent || proof.level < (await reachable(userId))) throw reauthRequired();
  }
}
