import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { MOST_ORIGINS, ORIGINS_KEPT_FOR, ORIGINS_READ_EVERY } from './limits.ts';

/**
 * Origins of browser apps: where the redirect addresses of enabled public clients lead, and what clients list. Rows are in their
 * normal form.
 */
const ALL = `
  select substring(uri from '^https?://[^/?#]+') as origin
  from client c, jsonb_array_elements_text(c.metadata->'redirect_uris') as uri
  where not c.disabled and c.metadata->>'token_endpoint_auth_method' = 'none' and uri ~ '^https?://'
  union
  select listed from client c, jsonb_array_elements_text(c.metadata->'allowed_origins') as listed where not c.disabled
  limit ${MOST_ORIGINS + 1}`;

/**
 * Whether some client lives at an origin. A preflight (Fetch §3.2.2) does not say which client is asking, so all are known
 * together: one statement for everybody instead of one for each origin that a stranger makes up.
 */
export class ClientOrigins {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;
  #known: ReadonlySet<string> = new Set();
  #isWhole = true;
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  async has(origin: string): Promise<boolean> {
    const age = this.#clock.now().getTime() - this.#readAt;
    if (age > ORIGINS_KEPT_FOR || (age > ORIGINS_READ_EVERY && !this.#known.has(origin))) await this.#read();
    return !this.#isWhole || this.#known.has(origin);
  }

  /** A client has changed here; other nodes see it after a second. */
  forget(): void {
    this.#readAt = Number.NEGATIVE_INFINITY;
  }

  #read(): Promise<void> {
    this.#reading ??= this.#load().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #load(): Promise<void> {
    const rows = await this.#database.sql<{ origin: string }>(ALL);
    this.#known = new Set(rows.map(({ origin }) => origin));
    this.#isWhole = rows.length <= MOST_ORIGINS;
    this.#readAt = this.#clock.now().getTime();
  }
}
