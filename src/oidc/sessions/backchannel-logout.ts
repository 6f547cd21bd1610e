import type { EntityManager } from '#kernel/database.ts';
import { MINUTE, SECOND } from '#kernel/clock.ts';
import type { JobData, JobDefinition, Jobs } from '#kernel/jobs.ts';
import type { Engine } from '../engine.ts';

/** A relying party whose user is signed out; `sid` as its ID tokens named the session, null where they did not. */
type LogoutNotice = { clientId: string; accountId: string; sid: string | null };

export type LogoutNotices = {
  /** In a transaction the notice goes out exactly when that commits. */
  send(notice: LogoutNotice, em?: EntityManager): Promise<void>;
};

const QUEUE = 'backchannel-logout';
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** OpenID Connect Back-Channel Logout §2.5: the relying party answers 200, or 204 as many frameworks do. */
const DELIVERED: ReadonlySet<number> = new Set([200, 204]);

type Dependencies = {
  jobs: Pick<Jobs, 'define'>;
  engine: () => Engine;
  /** The one way out of this process. */
  fetch: typeof globalThis.fetch;
};

/** Sends back-channel logout tokens through the job queue, in the transaction of the act if given. */
export function logoutNotices(jobs: Pick<Jobs, 'send'>): LogoutNotices {
  return { send: (notice, em) => jobs.send(QUEUE, notice, em ? { em } : {}) };
}

/**
 * OpenID Connect Back-Channel Logout 1.0. Each notice is a job: it outlives this process, and a relying party that is away
 * hears of it when it is back, for about two hours. Every attempt signs a token of its own, which is valid for two minutes.
 */
export function deliverLogoutNotices({ jobs, engine, fetch }: Dependencies): void {
  async function deliver({ clientId, accountId, sid }: LogoutNotice, signal: AbortSignal): Promise<void> {
    const client = await engine().Client.find(clientId);
    if (!client?.backchannelLogoutUri) return;
    const token = new (engine().IdToken)({ sub: accountId }, { client });
    Object.assign(token, { mask: { sub: null } });
    token.set('events', { [EVENT]: {} });
    token.set('jti', crypto.randomUUID());
    if (sid !== null && client.backchannelLogoutSessionRequired) token.set('sid', sid);
    const body = new URLSearchParams({ logout_token: await token.issue({ use: 'logout' }) });
    const { status } = await fetch(client.backchannelLogoutUri, {
      method: 'POST',
      body,
      signal,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    if (!DELIVERED.has(status)) throw new Error(`the relying party answered ${status}`);
  }

  const definition: JobDefinition = {
    handler: ({ data, signal }) => deliver(data as LogoutNotice & JobData, signal),
    retries: 12,
    backoff: { first: SECOND, max: 30 * MINUTE },
    expire: 30 * SECOND,
    concurrency: 4,
  };
  jobs.define(QUEUE, definition);
}
