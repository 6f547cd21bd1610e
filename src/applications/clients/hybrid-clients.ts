import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { HYBRID_RESPONSE } from './client-profile.ts';
import { HYBRID_KEPT_FOR } from './limits.ts';

const ANY = `
  select 1 as one from client
  where profile = 'fapi1_advanced' and not disabled and metadata->'response_types' @> $1::jsonb
  limit 1`;

/**
 * Whether some client may ask for a code and an ID token at once although the instance allows that to no client (FAPI 1.0 Advanced). The
 * metadata of the provider say so, and are read often.
 */
export class HybridClients {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;
  #known: Promise<boolean> | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  exist(): Promise<boolean> {
    const now = this.#clock.now().getTime();
    if (this.#known === undefined || now - this.#readAt > HYBRID_KEPT_FOR) {
      this.#readAt = now;
      this.#known = this.#database
        .sql(ANY, [JSON.stringify([HYBRID_RESPONSE])])
        .then((rows) => rows.length > 0)
        .catch((error: unknown) => {
          this.forget();
          throw error;
        });
    }
    return this.#known;
  }

  /** A client has changed here; other nodes see it after ten seconds. */
  forget(): void {
    this.#known = undefined;
  }
}
