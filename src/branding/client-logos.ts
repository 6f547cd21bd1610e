import type { Application } from '#kernel/brand.ts';
import type { Cache } from '#kernel/cache.ts';
import type { Clock } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { type Outbound, OutboundError } from '#kernel/http/outbound.ts';
import type { JobDefinition, Jobs } from '#kernel/jobs.ts';
import type { Log } from '#kernel/log.ts';
import { clientUnknown } from './errors.ts';
import { drawContained } from '#directory/users/module.ts';
import { instance, type Policies } from '#settings/module.ts';
import {
  CLIENT_LOGO_BOX,
  CLIENT_LOGO_DRAWING,
  CLIENT_LOGO_FETCH,
  CLIENT_LOGO_FRESH,
  CLIENT_LOGO_JOB_EXPIRY,
  CLIENT_LOGO_KEPT,
  CLIENT_LOGO_RETRY,
  LOGO_REQUEST_INTERVAL,
  MOST_LOGO_REQUESTS,
  PURGE_PAGE,
} from './limits.ts';

/** Below it are the logos of clients, named by their content. */
export const CLIENT_LOGO_PATH = '/client-logos/';
export const CLIENT_LOGO_QUEUE = 'client-logo';
const file = /^([0-9a-f]{64})\.webp$/;

/** The part of the stored row that pages need; dates as milliseconds. */
type KnownLogo = { uri: string; name: string | null; fetchedAt: number; dueAt: number };
type Row = {
  uri: string;
  name: string | null;
  fetched_at: Date | null;
  due_at: Date;
  failures: number;
  problem: string | null;
};

/** The state of the logo of a client, for operators. */
type LogoState = { uri: string | null; isShown: boolean; stored: Row | null };

type KnownClient = {
  readonly name: string;
  readonly registered: boolean;
  /** As stored, maybe by another version: nothing is taken for granted. */
  readonly metadata: { readonly [member in 'logo_uri' | 'policy_uri' | 'tos_uri']?: unknown } | null;
};

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

export type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql'>;
  log: Pick<Log, 'info' | 'warn'>;
  policies: Policies<'oidc'>;
  outbound: Pick<Outbound, 'fetchOk'>;
  jobs: Pick<Jobs, 'send'>;
  cache: Cache<KnownLogo | null>;
  clients: {
    find(clientId: string): Promise<KnownClient | null>;
    /** The given ids without a client. */
    missing(clientIds: readonly string[]): Promise<readonly string[]>;
  };
};

/**
 * The pictures that clients name in `logo_uri` (OpenID Connect Dynamic Client Registration §2, RFC 7591 §2). A job fetches them when a
 * page has asked for one that is missing or due; pages show what is stored, from our own origin.
 */
export class ClientLogos {
  readonly #deps: Dependencies;
  /** When this node last asked for a fetch, by client. */
  readonly #requested = new Map<string, number>();

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** The client as its pages show it: name, logo, and addresses of its policy and terms as registered. Null when unknown. */
  async shown(clientId: string): Promise<Application | null> {
    const client = await this.#deps.clients.find(clientId);
    if (client === null) return null;
    const { policy_uri: policy, tos_uri: terms } = client.metadata ?? {};
    const logoUrl = await this.#urlOf(clientId, client);
    return { name: client.name, logoUrl, privacyUrl: textOf(policy), termsUrl: textOf(terms) };
  }

  /** The bytes of a logo by the last part of its address; null when no client has it (any more). */
  async find(fileName: string): Promise<Buffer | null> {
    const [, name] = file.exec(fileName) ?? [];
    if (name === undefined) return null;
    const rows = await this.#deps.database.sql<{ client_id: string; uri: string; image: Uint8Array }>(
      'select client_id, uri, image from client_logo where name = $1 and image is not null order by client_id limit 10',
      [name],
    );
    for (const { client_id: clientId, uri, image } of rows) {
      const client = await this.#deps.clients.find(clientId);
      if (client !== null && this.#uriOf(client) === uri) return Buffer.from(image);
    }
    return null;
  }

  /** Fetches the logo now, also before its time. @throws AppError branding.client_unknown */
  async fetchNow(clientId: string): Promise<LogoState> {
    const client = await this.#deps.clients.find(clientId);
    if (client === null) throw clientUnknown(clientId);
    await this.refresh(clientId, { isForced: true });
    const uri = this.#uriOf(client);
    return { uri, isShown: (await this.#urlOf(clientId, client)) !== null, stored: await this.#read(clientId) };
  }

  /** The job that fetches the logo of one client. Failures are stored with the time of the next try, and not thrown. */
  job(): JobDefinition {
    return {
      handler: ({ data }) => this.refresh(String(data['clientId'])),
      describe: ({ clientId }) => ({ clientId }),
      retries: 0,
      backoff: { first: CLIENT_LOGO_RETRY.first, max: CLIENT_LOGO_RETRY.max },
      expire: CLIENT_LOGO_JOB_EXPIRY,
      unique: true,
    };
  }

  /** Fetches the logo of a client unless it is not due, draws it and stores it. Stores the reason when there is none. */
  async refresh(clientId: string, { isForced = false } = {}): Promise<void> {
    const { clients, cache, clock, log } = this.#deps;
    const client = await clients.find(clientId);
    const uri = client && this.#uriOf(client);
    const stored = await this.#read(clientId);
    if (uri === null) {
      if (stored !== null) await this.#remove([clientId]);
      return cache.drop(clientId);
    }
    const before = stored?.uri === uri ? stored : null;
    if (!isForced && before && before.due_at > clock.now()) return;
    try {
      const { image, freshFor } = await this.#draw(uri);
      await this.#store(clientId, uri, image, freshFor);
    } catch (error) {
      const problem = error instanceof OutboundError || error instanceof NoPicture ? error.message : null;
      if (problem === null) throw error;
      await this.#storeFailure(clientId, uri, before, problem);
      log.warn({ clientId, problem }, 'the logo of a client could not be fetched');
    }
    return cache.drop(clientId);
  }

  /** Removes rows of clients that were deleted, and rows that no page has asked for since they were due. How many were removed. */
  async purge(batch: number): Promise<number> {
    const { database, clock, clients } = this.#deps;
    const unused = await database.sql<{ client_id: string }>(
      'select client_id from client_logo where due_at < $1 order by due_at limit $2',
      [new Date(clock.now().getTime() - CLIENT_LOGO_KEPT), batch],
    );
    if (unused.length > 0) return this.#remove(unused.map((row) => row.client_id));
    let after = '';
    for (;;) {
      const rows = await database.sql<{ client_id: string }>(
        'select client_id from client_logo where client_id > $1 order by client_id limit $2',
        [after, PURGE_PAGE],
      );
      if (rows.length === 0) return 0;
      after = rows.at(-1)!.client_id;
      const gone = await clients.missing(rows.map((row) => row.client_id));
      if (gone.length > 0) return this.#remove(gone.slice(0, batch));
    }
  }

  /** Whether this client may have a logo, and where it is: software that registered itself may not, unless a setting allows it. */
  #uriOf({ registered, metadata }: KnownClient): string | null {
    if (registered && !this.#deps.policies.for(instance).oidc.registeredLogos) return null;
    return textOf(metadata?.logo_uri);
  }

  async #urlOf(clientId: string, client: KnownClient): Promise<string | null> {
    const uri = this.#uriOf(client);
    if (uri === null) return null;
    const { cache, clock } = this.#deps;
    const known = await cache.get(clientId, () => this.#known(clientId));
    const now = clock.now().getTime();
    const current = known?.uri === uri ? known : null;
    if (current === null || current.dueAt <= now) await this.#request(clientId, now);
    if (current === null || current.name === null || now - current.fetchedAt > CLIENT_LOGO_KEPT) return null;
    return `${CLIENT_LOGO_PATH}${current.name}.webp`;
  }

  /** Asks for a fetch, once a minute on each node; on all nodes there is one waiting job for each client. A page never fails by it. */
  async #request(clientId: string, now: number): Promise<void> {
    const { jobs, log } = this.#deps;
    if (now - (this.#requested.get(clientId) ?? Number.NEGATIVE_INFINITY) < LOGO_REQUEST_INTERVAL) return;
    if (this.#requested.size >= MOST_LOGO_REQUESTS) this.#requested.clear();
    this.#requested.set(clientId, now);
    try {
      await jobs.send(CLIENT_LOGO_QUEUE, { clientId }, { singletonKey: clientId });
    } catch (err) {
      log.warn({ err, clientId }, 'the fetch of a logo could not be planned');
    }
  }

  async #draw(uri: string): Promise<{ image: Buffer; freshFor: number }> {
    const headers = { accept: 'image/webp, image/png, image/jpeg' };
    const answer = await this.#deps.outbound.fetchOk(uri, { headers }, CLIENT_LOGO_FETCH);
    const image = await drawContained(Buffer.from(await answer.arrayBuffer()), CLIENT_LOGO_BOX, CLIENT_LOGO_DRAWING);
    if (image === null) throw new NoPicture('no PNG, JPEG or WebP picture of an acceptable size');
    return { image, freshFor: freshness(answer.headers.get('cache-control')) };
  }

  async #store(clientId: string, uri: string, image: Buffer, freshFor: number): Promise<void> {
    const { database, clock } = this.#deps;
    const now = clock.now();
    await database.sql(
      `insert into client_logo (client_id, uri, name, image, fetched_at, due_at, failures) values ($1, $2, $3, $4, $5, $6, 0)
       on conflict (client_id) do update set uri = excluded.uri, name = excluded.name, image = excluded.image,
         fetched_at = excluded.fetched_at, due_at = excluded.due_at, failures = 0, problem = null`,
      [clientId, uri, sha256(image).toString('hex'), image, now, new Date(now.getTime() + freshFor)],
    );
  }

  /** A logo that was fetched from the same address before stays for a while; of another address nothing stays. */
  async #storeFailure(clientId: string, uri: string, before: Row | null, problem: string): Promise<void> {
    const { database, clock } = this.#deps;
    const failures = (before?.failures ?? 0) + 1;
    const wait = Math.min(CLIENT_LOGO_RETRY.max, CLIENT_LOGO_RETRY.first * 2 ** Math.min(failures - 1, 20));
    await database.sql(
      `insert into client_logo as l (client_id, uri, due_at, failures, problem) values ($1, $2, $3, $4, $5)
       on conflict (client_id) do update set uri = excluded.uri, due_at = excluded.due_at, failures = excluded.failures, problem = excluded.problem,
         name = case when l.uri = excluded.uri then l.name end, image = case when l.uri = excluded.uri then l.image end,
         fetched_at = case when l.uri = excluded.uri then l.fetched_at end`,
      [clientId, uri, new Date(clock.now().getTime() + wait), failures, problem],
    );
  }

  async #remove(clientIds: readonly string[]): Promise<number> {
    const rows = await this.#deps.database.sql(
      'delete from client_logo where client_id = any($1::text[]) returning 1',
      [clientIds],
    );
    return rows.length;
  }

  async #known(clientId: string): Promise<KnownLogo | null> {
    const row = await this.#read(clientId);
    if (row === null) return null;
    const { uri, name, fetched_at: fetchedAt, due_at: dueAt } = row;
    return { uri, name, fetchedAt: fetchedAt?.getTime() ?? 0, dueAt: dueAt.getTime() };
  }

  async #read(clientId: string): Promise<Row | null> {
    const [row] = await this.#deps.database.sql<Row>(
      'select uri, name, fetched_at, due_at, failures, problem from client_logo where client_id = $1',
      [clientId],
    );
    return row ?? null;
  }
}

class NoPicture extends Error {
  override readonly name = 'NoPicture';
}

/** Milliseconds, from `max-age` of Cache-Control (RFC 9111 §5.2.2.1), within our bounds. */
function freshness(cacheControl: string | null): number {
  const [, seconds] = /(?:^|[,\s])max-age="?(\d{1,9})/i.exec(cacheControl ?? '') ?? [];
  const { usual, shortest, longest } = CLIENT_LOGO_FRESH;
  return seconds === undefined ? usual : Math.min(longest, Math.max(shortest, Number(seconds) * 1000));
}
