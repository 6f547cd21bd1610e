import { type Clock, epochSeconds, SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { inTransaction } from '#kernel/postgres/in-transaction.ts';
import { type Anchor, type ChainResult, verifyChain } from './chain-verifier.ts';
import type { Checkpoint, Checkpoints } from './checkpoint.ts';
import { auditChainMigrated } from './events.ts';
import { MOST_PROBLEMS, VERIFIED_PAGE } from './limits.ts';
import { type DroppedMonths, droppedMonths } from './retention.ts';
import { INSTANCE_CHAIN } from './seal-chain.ts';
import type { SealingKeys } from './sealing-keys.ts';

type Stray = { id: string; at: string; organization_id: string | null; seals: number; is_stray: boolean };
type Problem = { chain: string; sequence: string | null; problem: string };

type AuditReport = {
  intact: boolean;
  /** Events whose seal was recomputed. */
  events: number;
  chains: number;
  unsealed: number;
  /** Seconds since the oldest event that has no seal yet; null when each has one. */
  oldest_unsealed_seconds: number | null;
  checkpoints: number;
  /** Seconds since the newest checkpoint was made, and sealed events that none covers; null without a checkpoint. */
  checkpoint_age_seconds: number | null;
  events_after_checkpoint: number | null;
  problems: Problem[];
};

/** Also a chain without a name, which nothing but an attacker makes. */
const FIRST_CHAIN = 'select min(chain) as chain from audit_seal';
const NEXT_CHAIN = `${FIRST_CHAIN} where chain > $1`;
/** Of a queue that is longer, which the first seconds after an upgrade may have, the first part is looked at. */
const QUEUE = `
  select count(*)::int as unsealed, min(u.at) filter (where isfinite(u.at)) as oldest,
    (array_agg(u.event_id::text) filter (where e.id is null or not isfinite(u.at)))[1:10] as lost
  from (select event_id, at from audit_unsealed order by place limit 100000) u left join audit_event e on e.id = u.event_id and e.at = u.at`;
/** One statement, and so one moment: an event is in the queue or has a seal. */
const STRAYS = (after: '>' | '>=') => `
  with page as materialized (select id, at, organization_id from audit_event where (id, at) ${after} ($1::uuid, $2::timestamptz) order by id, at limit ${VERIFIED_PAGE}),
  counted as materialized (select page.*, (select count(*)::int from audit_seal s where s.event_id = page.id and s.event_at = page.at) as seals from page)
  select id::text, at::text as at, organization_id, seals,
    seals = 0 and not exists (select 1 from audit_unsealed u where u.event_id = counted.id and u.at = counted.at) as is_stray
  from counted order by counted.id, counted.at`;
const CARRIED = `
  select coalesce(organization_id, '${INSTANCE_CHAIN}') as chain, details->>'brokenAt' as broken_at from audit_record
  where type = $1 and starts_with(type, 'audit.') and outcome = 'failure' order by at, id`;

/**
 * Chains that wait although a later event of another chain has a seal: a place is the id of the event, which grows with time. Events
 * that were carried over have other places.
 */
const STALLED = `
  select w.chain, w.events from (
    select coalesce(e.organization_id, '${INSTANCE_CHAIN}') as chain, count(*)::int as events, (array_agg(u.event_id order by u.place))[1] as id, min(u.at) as at
    from (select * from audit_unsealed where place = event_id and isfinite(at) order by place limit 100000) u join audit_event e on e.id = u.event_id and e.at = u.at
    group by 1
  ) w where exists (
    select 1 from audit_seal s where s.event_id > w.id and s.chain <> w.chain and s.sealed_at > w.at + interval '1 minute')
  order by w.chain limit ${MOST_PROBLEMS}`;

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'em'>;
  keys: Pick<SealingKeys, 'find'>;
  checkpoints: Pick<Checkpoints, 'read'>;
};

/** Says whether the record is what was written: chains, details, queue, and what checkpoints outside the database say. */
/**
 * The same database for statements that look up many rows in many partitions: their cost looks high enough to compile them, which
 * takes many times as long as to run them.
 */
function uncompiled(database: Pick<Database, 'em'>): Pick<Database, 'sql'> {
  return {
    sql: (text, values = []) =>
      database.em().transactional(async (em) => {
        await em.execute('set local jit = off');
        return inTransaction(em, text, values);
      }),
  };
}

/** Verifies all chains of the audit log, their details and the given checkpoints. */
export class AuditVerifier {
  readonly #deps: Dependencies;
  readonly #pages: Pick<Database, 'sql'>;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
    this.#pages = uncompiled(dependencies.database);
  }

  /** `checkpoints`: lines of a file of checkpoints. Throws `audit.checkpoint_refused` when one is not of this installation. */
  async verify({ checkpoints: text = '' }: { checkpoints?: string } = {}): Promise<AuditReport> {
    const { database, clock } = this.#deps;
    const checkpoints = await this.#deps.checkpoints.read(text);
    const dropped = await droppedMonths(database, this.#deps.keys);
    const problems: Problem[] = [];
    let events = 0;
    let chains = 0;
    const newest = checkpoints.length === 0 ? null : Math.max(...checkpoints.map(({ iat }) => iat));
    let after = 0;
    for await (const chain of this.#chains()) {
      const result = await this.#verifyChain(chain, dropped, checkpoints, problems);
      events += result.events;
      chains += 1;
      const covered = checkpoints.map(({ chains: ends }) => Number(ends[chain]?.sequence ?? 0));
      after += Math.max(0, Math.min(result.events, Number(result.last) - Math.max(0, ...covered)));
    }
    problems.push(...(await this.#missingChains(dropped.anchors, checkpoints)), ...(await this.#carriedOver()));
    const [queue] = await database.sql<{ unsealed: number; oldest: Date | null; lost: string[] | null }>(QUEUE);
    for (const id of queue!.lost ?? [])
      problems.push({
        chain: INSTANCE_CHAIN,
        sequence: null,
        problem: `The event ${id} was removed before it was sealed, or its time was.`,
      });
    problems.push(...(await this.#stalled()), ...(await this.#strays()));
    return {
      intact: problems.length === 0,
      events,
      chains,
      unsealed: queue!.unsealed,
      oldest_unsealed_seconds:
        queue!.oldest && Math.max(0, Math.floor((clock.now().getTime() - queue!.oldest.getTime()) / SECOND)),
      checkpoints: checkpoints.length,
      checkpoint_age_seconds: newest && Math.max(0, Math.floor(epochSeconds(clock) - newest)),
      events_after_checkpoint: newest && after,
      problems: problems.slice(0, MOST_PROBLEMS),
    };
  }

  async *#chains(): AsyncGenerator<string> {
    type Next = { chain: string | null };
    let [next] = await this.#deps.database.sql<Next>(FIRST_CHAIN);
    while (next && next.chain !== null) {
      yield next.chain;
      [next] = await this.#deps.database.sql<Next>(NEXT_CHAIN, [next.chain]);
    }
  }

  async #verifyChain(
    chain: string,
    { anchors, emptied }: DroppedMonths,
    checkpoints: readonly Checkpoint[],
    problems: Problem[],
  ): Promise<ChainResult> {
    const anchor = anchors.get(chain);
    const due = new Map<bigint, Set<string>>();
    for (const { chains } of checkpoints) {
      const said = chains[chain];
      // Of months that were dropped nothing is left to compare.
      if (!said || BigInt(said.sequence) < (anchor?.sequence ?? 0n)) continue;
      const number = BigInt(said.sequence);
      due.set(number, (due.get(number) ?? new Set()).add(said.seal));
    }
    const compare = (sequence: bigint, seal: Uint8Array): void => {
      const said = due.get(sequence);
      if (said?.size === 1 && said.has(Buffer.from(seal).toString('base64url'))) due.delete(sequence);
    };
    if (anchor) compare(anchor.sequence, anchor.seal);
    const result = await verifyChain({ database: this.#pages, keys: this.#deps.keys, emptied }, chain, anchor, compare);
    if (result.problem) problems.push({ chain, ...result.problem });
    const [first] = [...due.keys()].sort((a, b) => (a < b ? -1 : 1));
    if (first !== undefined && (result.problem === null || first <= result.last))
      problems.push({ chain, sequence: String(first), problem: differs(first, result.last) });
    return result;
  }

  async #missingChains(anchors: ReadonlyMap<string, Anchor>, checkpoints: readonly Checkpoint[]): Promise<Problem[]> {
    const named = new Set([...checkpoints.flatMap(({ chains }) => Object.keys(chains)), ...anchors.keys()]);
    const problems: Problem[] = [];
    for (const chain of named) {
      const found = await this.#deps.database.sql('select 1 from audit_seal where chain = $1 limit 1', [chain]);
      if (found.length === 0)
        problems.push({ chain, sequence: null, problem: 'The whole chain is missing, and it was there before.' });
    }
    return problems;
  }

  async #carriedOver(): Promise<Problem[]> {
    const rows = await this.#deps.database.sql<{ chain: string; broken_at: string | null }>(CARRIED, [
      auditChainMigrated.name,
    ]);
    return rows.map(({ chain, broken_at: sequence }) => ({
      chain,
      sequence,
      problem: 'The chain of the release before was broken here already when it was carried over.',
    }));
  }

  async #stalled(): Promise<Problem[]> {
    const rows = await this.#deps.database.sql<{ chain: string; events: number }>(STALLED);
    return rows.map(({ chain, events }) => ({
      chain,
      sequence: null,
      problem: `The chain is not sealed although others are: ${events} events wait. The log of the server says why.`,
    }));
  }

  async #strays(): Promise<Problem[]> {
    let rows = await this.#pages.sql<Stray>(STRAYS('>='), ['00000000-0000-0000-0000-000000000000', '-infinity']);
    const problems: Problem[] = [];
    for (;;) {
      for (const row of rows.filter(({ is_stray: isStray, seals }) => isStray || seals > 1))
        if (problems.length < MOST_PROBLEMS) problems.push(strayProblem(row));
      const end = rows.at(-1);
      if (!end || rows.length < VERIFIED_PAGE) return problems;
      rows = await this.#pages.sql<Stray>(STRAYS('>'), [end.id, end.at]);
    }
  }
}

function strayProblem({ id, organization_id: chain, is_stray: isStray }: Stray): Problem {
  const problem = isStray
    ? `The event ${id} has no seal and does not wait for one: its seal was removed, or it was put in by hand.`
    : `The event ${id} has more than one seal: it was put into the queue again by hand.`;
  return { chain: chain ?? INSTANCE_CHAIN, sequence: null, problem };
}

const differs = (sequence: bigint, last: bigint): string =>
  sequence > last
    ? `A checkpoint says that this seal was there. The record ends at ${last}: its newest events were removed.`
    : 'This seal is not the one of the checkpoint: the record was written again from here or earlier.';
