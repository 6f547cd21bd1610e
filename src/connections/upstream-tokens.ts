import { setTimeout as delay } from 'node:timers/promises';
import type { AuditLog, By } from '#audit/module.ts';
import type { HeldTokens, IdentityTokens, UpstreamSubject, UpstreamTokenSet } from '#directory/identities/module.ts';
import type { UserId } from '#directory/users/module.ts';
import type { Clock } from '#kernel/clock.ts';
import { AppError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Throttle } from '#kernel/throttle.ts';
import type { Connection } from './connection.ts';
import {
  noUpstreamToken,
  providerUnreachable,
  tokenClientRefused,
  tooManyTokenFetches,
  upstreamSignInNeeded,
} from './errors.ts';
import { userUpstreamTokenFetched } from './events.ts';
import { REFRESH_LEASE, REFRESH_POLLED_EVERY, REFRESHED_BEFORE, TOKEN_FETCHES } from './limits.ts';
import type { UsableConnections } from './usable-connections.ts';

type Asked = { userId: UserId; connection: string; subject: string | null };

type Dependencies = {
  clock: Clock;
  usable: UsableConnections;
  tokens: Pick<IdentityTokens, 'find' | 'lease' | 'replace'>;
  audit: Pick<AuditLog, 'note'>;
  throttle: Pick<Throttle, 'consume'>;
  log: Pick<Log, 'warn'>;
};

/** The tokens that connections keep, for applications that act at a provider for a user. */
export class UpstreamTokens {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** A token that is valid now. Throws connections.no_token, connections.unreachable. */
  async handOut(asked: Asked, by: By): Promise<UpstreamTokenSet> {
    const { userId, connection } = asked;
    const tokens = await this.#find(asked);
    const subject = { type: 'user', id: userId };
    await this.#deps.audit.note(userUpstreamTokenFetched({ ...by, subject, details: { connection } }));
    return tokens;
  }

  /**
   * The same for a client through which the user acts: the connection must name it. Throws connections.client_not_permitted,
   * connections.too_many_token_fetches, connections.no_token, connections.sign_in_again, connections.unreachable.
   */
  async handOutTo(clientId: string, asked: Asked, by: By): Promise<UpstreamTokenSet> {
    const { usable, throttle } = this.#deps;
    const connection = await usable.find(asked.connection);
    if (!connection?.settings.tokenClients?.includes(clientId)) throw tokenClientRefused();
    const counted = await throttle.consume(TOKEN_FETCHES, `${clientId} ${asked.userId} ${connection.id}`);
    if (!counted.allowed) throw tooManyTokenFetches(counted.retryAfter);
    if (!connection.storesTokens) throw noUpstreamToken();
    try {
      return await this.handOut(asked, by);
    } catch (error) {
      throw error instanceof AppError && error.code === noUpstreamToken.code ? upstreamSignInNeeded() : error;
    }
  }

  /** Revokes the tokens of an identity at the provider: to be called once the identity is unlinked. It never fails. */
  async revocationOf(
    userId: UserId,
    { connection: slug, issuer, subject }: UpstreamSubject,
  ): Promise<() => Promise<void>> {
    const { usable, tokens, log } = this.#deps;
    const fail = (err: unknown): null => {
      log.warn({ connection: slug, err }, 'tokens at an identity provider cannot be revoked');
      return null;
    };
    const held = await tokens.find(userId, slug, subject).catch(fail);
    return async () => {
      if (held?.issuer !== issuer) return;
      try {
        const connection = await usable.find(slug);
        if (connection !== null) await (await usable.protocol()).revoke(usable.open(connection), held.tokens);
      } catch (error) {
        fail(error);
      }
    };
  }

  async #find({ userId, connection: slug, subject }: Asked): Promise<UpstreamTokenSet> {
    const { clock, usable, tokens } = this.#deps;
    const connection = await usable.find(slug);
    if (!connection?.storesTokens) throw noUpstreamToken();
    const end = clock.now().getTime() + REFRESH_LEASE;
    for (;;) {
      const held = await tokens.find(userId, slug, subject);
      if (held === null) throw noUpstreamToken();
      if (this.#isFresh(held.tokens)) return held.tokens;
      if (held.tokens.refreshToken === null) throw noUpstreamToken();
      if (await tokens.lease(held, REFRESH_LEASE)) return this.#refresh(connection, held, held.tokens.refreshToken);
      // Another request refreshes them, here or on another node.
      if (clock.now().getTime() > end) throw providerUnreachable();
      await delay(REFRESH_POLLED_EVERY);
    }
  }

  #isFresh({ expiresAt }: UpstreamTokenSet): boolean {
    return expiresAt === null || expiresAt > this.#deps.clock.now().getTime() + REFRESHED_BEFORE;
  }

  async #refresh(connection: Connection, held: HeldTokens, refreshToken: string): Promise<UpstreamTokenSet> {
    const { usable, tokens, log } = this.#deps;
    let next: UpstreamTokenSet;
    try {
      const protocol = await usable.protocol();
      next = await protocol.refresh(usable.open(connection), { refreshToken, subject: held.subject });
    } catch (error) {
      const isOver = isGone(error);
      log.warn({ connection: connection.id, isOver }, 'an identity provider refused to refresh a token');
      await tokens.replace(held, isOver ? null : held.tokens);
      throw isOver ? noUpstreamToken() : providerUnreachable();
    }
    // RFC 6749 §6: the answer leaves out what stays.
    const kept = {
      ...next,
      refreshToken: next.refreshToken ?? refreshToken,
      scope: next.scope ?? held.tokens.scope,
    };
    if (!(await tokens.replace(held, kept))) throw noUpstreamToken();
    return kept;
  }
}

/** RFC 6749 §5.2: the provider takes this refresh token never again. Or the tokens turn out to be of another user. */
function isGone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === 'AnswerRefused' || (error as { error?: unknown }).error === 'invalid_grant';
}
