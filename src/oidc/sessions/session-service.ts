import type { By } from '#audit/module.ts';
import type { Database } from '#kernel/database.ts';
import type { SignedInBrowser, SignedInBrowsers } from './signed-in-browsers.ts';
import type { AccessRevocation, UserId } from '#directory/users/module.ts';
import { sessionNotFound } from './errors.ts';

export type Dependencies = {
  database: Pick<Database, 'transaction'>;
  browsers: Pick<SignedInBrowsers, 'list' | 'findProof'>;
  accessRevocation: AccessRevocation<'session ended' | 'signed out everywhere' | 'signed out everywhere else'>;
};

/** The signed-in browsers of a user. An end takes effect on every node with the commit: sessions and grants are read from the database. */
export class SessionService {
  readonly #database: Dependencies['database'];
  readonly #browsers: Dependencies['browsers'];
  readonly #accessRevocation: Dependencies['accessRevocation'];

  constructor({ database, browsers, accessRevocation }: Dependencies) {
    this.#database = database;
    this.#browsers = browsers;
    this.#accessRevocation = accessRevocation;
  }

  /** Newest sign-in first. */
  async list(userId: UserId): Promise<SignedInBrowser[]> {
    return this.#browsers.list(userId);
  }

  /** Throws sessions.not_found, also for a session of another user. */
  async require(userId: UserId, sessionId: string): Promise<SignedInBrowser> {
    const found = (await this.#browsers.list(userId)).find(({ id }) => id === sessionId);
    if (found === undefined) throw sessionNotFound();
    return found;
  }

  /** Signs one browser of this user out. Throws sessions.not_found, also for a session of another user. */
  async end(userId: UserId, sessionId: string, by: By): Promise<void> {
    await this.#database.transaction(async (em) => {
      const { sessions } = await this.#accessRevocation.revoke(em, 'session ended', userId, by, { session: sessionId });
      if (sessions === 0) throw sessionNotFound();
    });
  }

  /** Signs the user out everywhere and ends all that was issued for them; answers how many sessions that were. */
  async endEverywhere(userId: UserId, by: By): Promise<number> {
    return this.#database.transaction(
      async (em) => (await this.#accessRevocation.revoke(em, 'signed out everywhere', userId, by)).sessions,
    );
  }

  /** Signs the user out everywhere but here; answers how many sessions that were. */
  async endElsewhere(userId: UserId, session: string, by: By): Promise<number> {
    const reach = { keep: { session } };
    return this.#database.transaction(
      async (em) => (await this.#accessRevocation.revoke(em, 'signed out everywhere else', userId, by, reach)).sessions,
    );
  }
}
