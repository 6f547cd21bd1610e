import type { AuditLog, By } from '#audit/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { SignedInBrowser, SignedInBrowsers } from '#oidc/module.ts';
import type { UserId } from '#users/module.ts';
import { sessionNotFound } from './errors.ts';

export type Dependencies = {
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  browsers: Pick<SignedInBrowsers, 'list' | 'end' | 'endAll' | 'endOthers'>;
};

/** A person's signed-in browsers. What is ended is dead on every node with the commit: sessions and grants are asked of the database. */
export class SessionService {
  readonly #database: Dependencies['database'];
  readonly #audit: Dependencies['audit'];
  readonly #browsers: Dependencies['browsers'];

  constructor({ database, audit, browsers }: Dependencies) {
    this.#database = database;
    this.#audit = audit;
    this.#browsers = browsers;
  }

  /** Newest sign-in first. */
  async list(userId: UserId): Promise<SignedInBrowser[]> {
    return this.#browsers.list(userId);
  }

  /** Signs one browser of this person out. Throws sessions.not_found, also for a session of somebody else. */
  async end(userId: UserId, sessionId: string, by: By): Promise<void> {
    await this.#database.transaction(async (em) => {
      const ended = await this.#browsers.end(em, userId, sessionId);
      if (!ended) throw sessionNotFound();
      await this.#record(em, userId, ended, by);
    });
  }

  /** Signs the person out everywhere and ends all that was issued for them; answers how many browsers that were. */
  async endAll(userId: UserId, by: By): Promise<number> {
    return this.#database.transaction((em) => this.endAllIn(em, userId, by));
  }

  /** The same, in the transaction of the act that demands it. */
  async endAllIn(em: EntityManager, userId: UserId, by: By): Promise<number> {
    const ended = await this.#browsers.endAll(em, userId);
    for (const browser of ended) await this.#record(em, userId, browser, by);
    return ended.length;
  }

  /** Signs the person out everywhere but here; answers how many browsers that were. */
  async endOthers(userId: UserId, keptId: string, by: By): Promise<number> {
    return this.#database.transaction((em) => this.endOthersIn(em, userId, keptId, by));
  }

  /** The same, in the transaction of the act that demands it; with what applications were allowed for longer. */
  async endOthersIn(em: EntityManager, userId: UserId, keptId: string, by: By): Promise<number> {
    const ended = await this.#browsers.endOthers(em, userId, keptId);
    for (const browser of ended) await this.#record(em, userId, browser, by);
    return ended.length;
  }

  async #record(em: EntityManager, userId: UserId, { id, clientIds }: SignedInBrowser, by: By): Promise<void> {
    await this.#audit.record(em, {
      type: 'session.ended',
      ...by,
      subject: { type: 'user', id: userId },
      sessionId: id,
      details: { client_ids: clientIds },
    });
  }
}
