import type { EntityManager } from '#kernel/database.ts';
import { MINUTE, SECOND } from '#kernel/clock.ts';
import type { JobData, JobDefinition, Jobs } from '#kernel/jobs.ts';
import type { Log } from '#kernel/log.ts';
import type { Engine } from '../engine.ts';
import type { LogoutElsewhere } from './logout-return.ts';

/** A relying party whose user is signed out; `sid` is the name of the session in its ID tokens, null in a session without one. */
type LogoutNotice = { clientId: string; accountId: string; sid: string | null };

export type LogoutNotices = {
  /** In a transaction the notice goes out exactly when that commits. */
  send(notice: LogoutNotice, em?: EntityManager): Promise<void>;
};

const QUEUE = 'backchannel-logout';
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** OpenID Connect Back-Channel Logout §2.5: the relying party answers 200, or 204 as many frameworks do. */
const DELIVERED: ReadonlySet<number> = new Set([200, 204]);
/** Of the errors of the caller (RFC 9110 §15.5) these pass with time; the same notice would get every other one again. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);
const isFinal = (status: number): boolean => status >= 400 && status < 500 && !PASSING.has(status);

type Dependencies = {
  jobs: Pick<Jobs, 'define'>;
  engine: () => Engine;
  elsewhere: Pick<LogoutElsewhere, 'deliver'>;
  /** The one way out of this process. */
  fetch: typeof globalThis.fetch;
  log: Pick<Log, 'warn'>;
};

/** Sends back-channel logout tokens through the job queue, in the transaction of the act if given. */
export function logoutNotices(jobs: Pick<Jobs, 'send'>): LogoutNotices {
  return { send: (notice, em) => jobs.send(QUEUE, notice, em ? { em } : {}) };
}

/**
 * OpenID Connect Back-Channel Logout 1.0. Each notice is a job: it outlives this process, and a relying party that is away
 * hears of it when it is back, for about two hours. Every attempt signs a token of its own, which is valid for two minutes.
 * A relying party that refuses the notice (§2.8: 400) would refuse it again, so that the log says so and it is not sent again.
 */
export function deliverLogoutNotices({ jobs, engine, elsewhere, fetch, log }: Dependencies): void {
  async function deliver({ clientId, accountId, sid }: LogoutNotice, signal: AbortSignal): Promise<void> {
    if (await elsewhere.deliver({ clientId, sid }, signal)) return;
    const client = await engine().Client.find(clientId);
    if (!client?.backchannelLogoutUri) return;
    const token = new (engine().IdToken)({ sub: accountId }, { client });
    Object.assign(token, { mask: { sub: null } });
    token.set('events', { [EVENT]: {} });
    token.set('jti', crypto.randomUUID());
    if (sid !== null) token.set('sid', sid);
    const body = new URLSearchParams({ logout_token: await token.issue({ use: 'logout' }) });
    const { status } = await fetch(client.backchannelLogoutUri, {
      method: 'POST',
      body,
      signal,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    if (DELIVERED.has(status)) return;
    const { host } = new URL(client.backchannelLogoutUri);
    if (!isFinal(status)) throw new Error(`${host} answered ${status}`);
    log.warn({ clientId, host, status }, 'back-channel logout: the relying party refused the notice for good');
  }

  const definition: JobDefinition = {
    handler: ({ data, signal }) => deliver(data as LogoutNotice & JobData, signal),
    describe: ({ clientId }) => ({ clientId }),
    retries: 12,
    backoff: { first: SECOND, max: 30 * MINUTE },
    expire: 30 * SECOND,
    concurrency: 4,
  };
  jobs.define(QUEUE, definition);
}
