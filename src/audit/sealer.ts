import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { Log } from '#kernel/log.ts';
import {
  GATHER_TIME,
  LONGEST_CHAIN,
  LOOK_INTERVAL,
  SAME_LINE_INTERVAL,
  SEALER_SKEW,
  SEALING_BATCH,
  STALLED_INTERVAL,
} from './limits.ts';
import { chainOf, EVENT_COLUMNS, INSTANCE_CHAIN, instant, NO_SEAL, type SealableEvent, sealOf } from './seal-chain.ts';
import type { SealingKey, SealingKeys } from './sealing-keys.ts';

/** Any number that no other program on this database uses: "seal" and "er" as ASCII. */
export const SEALER_LOCK = '126879296287090';
/** How often to look after an event was announced, where nothing else can have been written. */
const LOOKS = 2;

type Unsealed = SealableEvent & { place: string };
/** Full: there may be more behind it. */
type Batch = { sealed: number; isFull: boolean };
type Head = { sequence: bigint; seal: Uint8Array; sealedAt: string };
type Link = { chain: string; sequence: string; sealedAt: string; id: string; at: string; seal: string; place: string };

/** Statements begin with a mark, by which database statistics distinguish them from statements of requests. */
const LOCK = `/* sealer */ select pg_try_advisory_xact_lock(${SEALER_LOCK}) as taken`;
const LOOK = '/* sealer */ select 1 from audit_unsealed limit 1';
/** Reads the event of each place by its key ("offset 0"): with old statistics of the queue the planner would read the whole month. */
const TAKE = (only = 'true') => `/* sealer */
  select u.place::text as place, ${EVENT_COLUMNS} from audit_unsealed u
    cross join lateral (select * from audit_event where id = u.event_id and at = u.at offset 0) e
  where isfinite(u.at) and ${only} order by u.place limit ${SEALING_BATCH}`;
const TAKE_ALL = TAKE();
const CHAIN = `coalesce(e.organization_id, '${INSTANCE_CHAIN}')`;
const TAKE_OTHERS = TAKE(`${CHAIN} not in (select jsonb_array_elements_text(?::jsonb))`);
const TAKE_ONE = TAKE(`${CHAIN} = ?`);
const HEADS = `/* sealer */
  select c.chain, last.sequence::text, last.seal, ${instant('last.sealed_at')} as sealed_at from jsonb_array_elements_text(?::jsonb) c (chain),
    lateral (select sequence, seal, sealed_at from audit_seal s where s.chain = c.chain order by sequence desc limit 1) last`;
const WRITE = `/* sealer */
  with link as (
    select * from jsonb_to_recordset(?::jsonb) as r (chain text, sequence bigint, "sealedAt" timestamptz, id uuid, at timestamptz, seal text, place uuid)
  ), sealed as (
    insert into audit_seal (chain, sequence, sealed_at, event_id, event_at, key_id, seal)
    select chain, sequence, "sealedAt", id, at, ?, decode(seal, 'hex') from link
  )
  delete from audit_unsealed where place = any(array(select place from link))`;

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'em' | 'sql' | 'embedded'>;
  keys: Pick<SealingKeys, 'current'>;
  log: Pick<Log, 'warn' | 'error'>;
};

/**
 * Gives events their numbers and their seals, right after they were written. One node at a time does it, under a lock that ends
 * with the transaction; an event that was committed late gets a later number.
 */
export class Sealer {
  readonly #deps: Dependencies;
  /** The last number that this process has given, by chain: a record that ends earlier was cut. */
  readonly #given = new Map<string, bigint>();
  /** Chains that could not be sealed, with the time from which they are tried again. */
  readonly #stalled = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #isDueSoon = false;
  /** Looks that are still due where nothing else asks for them: an act that was announced may be written a moment later. */
  #looks = 0;
  #state: 'idle' | 'running' | 'stopped' = 'idle';
  #running: Promise<unknown> = Promise.resolve();
  #lastLine = 0;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Begins to seal what is written, also by other nodes, and what was left by a process that ended. */
  start(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'running';
    this.wake();
  }

  /** There is something to seal. Costs nothing while the sealer does not run. */
  wake(): void {
    this.#looks = LOOKS;
    if (this.#state === 'running' && !this.#isDueSoon) this.#plan(GATHER_TIME);
  }

  /** Lets the batch in progress end. Unsealed events stay in the queue. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    clearTimeout(this.#timer);
    await this.#running.catch(() => undefined);
  }

  /** Seals until the queue is empty, or another node is at it. How many events were sealed. */
  async seal(): Promise<number> {
    let sealed = 0;
    for (;;) {
      const batch = await this.#sealNext();
      sealed += batch.sealed;
      if (!batch.isFull || this.#state === 'stopped') return sealed;
    }
  }

  #plan(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#isDueSoon = milliseconds <= GATHER_TIME;
    this.#timer = setTimeout(() => {
      this.#isDueSoon = false;
      this.#running = this.#look();
    }, milliseconds).unref();
  }

  async #look(): Promise<void> {
    const { database, log, clock } = this.#deps;
    this.#looks -= 1;
    try {
      if ((await database.sql(LOOK)).length > 0) await this.seal();
    } catch (err) {
      this.#looks = LOOKS;
      if (clock.now().getTime() - this.#lastLine >= SAME_LINE_INTERVAL && this.#state === 'running') {
        this.#lastLine = clock.now().getTime();
        log.warn({ err }, 'the audit log could not be sealed yet');
      }
    }
    const isDue = !database.embedded || this.#looks > 0;
    if (this.#state === 'running' && !this.#isDueSoon && isDue) this.#plan(LOOK_INTERVAL);
  }

  /** One row that the database refuses stops its own chain and no other. */
  async #sealNext(): Promise<Batch> {
    for (const [chain, until] of this.#stalled)
      if (until <= this.#deps.clock.now().getTime()) this.#stalled.delete(chain);
    const [text, values] =
      this.#stalled.size === 0 ? [TAKE_ALL, []] : [TAKE_OTHERS, [JSON.stringify([...this.#stalled.keys()])]];
    const taken: Unsealed[] = [];
    try {
      const sealed = await this.#sealBatch(text, values, taken);
      return { sealed, isFull: sealed === SEALING_BATCH };
    } catch (error) {
      if (!isOfRow(error) || taken.length === 0) throw error;
      return { sealed: await this.#sealEach(new Set(taken.map(chainOf))), isFull: true };
    }
  }

  async #sealEach(chains: ReadonlySet<string>): Promise<number> {
    const { clock, log } = this.#deps;
    let sealed = 0;
    for (const chain of chains)
      try {
        sealed += await this.#sealBatch(TAKE_ONE, [chain], []);
      } catch (err) {
        if (!isOfRow(err)) throw err;
        this.#stalled.set(chain, clock.now().getTime() + STALLED_INTERVAL);
        log.error({ err, chain: chain.slice(0, LONGEST_CHAIN) }, 'a chain of the audit log cannot be sealed');
      }
    return sealed;
  }

  async #sealBatch(text: string, values: readonly string[], taken: Unsealed[]): Promise<number> {
    const key = await this.#deps.keys.current();
    // Not a transaction of an act: what is cached of users stays.
    const links = await this.#deps.database.em().transactional(async (em) => {
      const [lock] = await em.execute<{ taken: boolean }[]>(LOCK);
      if (!lock?.taken) return [];
      const events = await em.execute<Unsealed[]>(text, [...values]);
      if (events.length === 0) return [];
      taken.push(...events);
      const given = this.#linksOf(events, await this.#headsOf(em, events), key);
      await em.execute(WRITE, [JSON.stringify(given), key.id]);
      return given;
    });
    for (const { chain, sequence } of links) this.#given.set(chain, BigInt(sequence));
    return links.length;
  }

  async #headsOf(em: EntityManager, events: readonly Unsealed[]): Promise<Map<string, Head>> {
    const chains = [...new Set(events.map(chainOf))];
    const rows = await em.execute<{ chain: string; sequence: string; seal: Uint8Array; sealed_at: string }[]>(HEADS, [
      JSON.stringify(chains),
    ]);
    const heads = new Map(
      rows.map(({ chain, sequence, seal, sealed_at: sealedAt }) => [
        chain,
        { sequence: BigInt(sequence), seal, sealedAt },
      ]),
    );
    for (const chain of chains) {
      const last = heads.get(chain)?.sequence ?? 0n;
      const given = this.#given.get(chain) ?? 0n;
      if (last < given)
        this.#deps.log.error({ chain, last: String(last), given: String(given) }, 'the audit log was cut at its end');
    }
    return heads;
  }

  #linksOf(events: readonly Unsealed[], heads: Map<string, Head>, { key }: SealingKey): Link[] {
    return events.map(({ place, ...event }) => {
      const chain = chainOf(event);
      const head = heads.get(chain) ?? { sequence: 0n, seal: NO_SEAL, sealedAt: '' };
      const sequence = head.sequence + 1n;
      const sealedAt = timeAfter(head.sealedAt, this.#deps.clock.now());
      const seal = sealOf(key, head.seal, { chain, sequence, sealedAt }, event);
      heads.set(chain, { sequence, seal, sealedAt });
      return {
        chain,
        sequence: String(sequence),
        sealedAt,
        id: event.id,
        at: event.at,
        seal: seal.toString('hex'),
        place,
      };
    });
  }
}

/** Now, or the time of the seal before when a clock that is a little ahead gave it. The time of the event has no say in it. */
function timeAfter(last: string, now: Date): string {
  const ahead = last === '' ? 0 : Date.parse(last) - now.getTime();
  return ahead > 0 && ahead <= SEALER_SKEW ? last : now.toISOString();
}

/** SQLSTATE classes of what is wrong with a value: data exception, integrity constraint, program limit exceeded. */
function isOfRow(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(22|23|54)...$/.test(String(error.code));
}
