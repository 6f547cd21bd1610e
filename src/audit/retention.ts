import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { type Clock } from '#kernel/clock.ts';
import type { Database, OwnerQuery } from '#kernel/database.ts';
import type { AuditLog } from './audit-log.ts';
import type { By } from './by.ts';
import { type Anchor, isErased } from './chain-verifier.ts';
import { monthRefused } from './errors.ts';
import { auditMonthsDropped } from './events.ts';
import { PARTITIONED } from './partitions.ts';
import { SEALER_LOCK } from './sealer.ts';
import type { SealingKeys } from './sealing-keys.ts';

const droppedSchema = z.object({
  before: z.string(),
  chains: z.record(z.string(), z.object({ sequence: z.string().regex(/^\d{1,19}$/), seal: z.string() })),
  emptied: z.array(z.string()),
  key: z.string(),
  proof: z.string(),
});
type Dropped = z.infer<typeof droppedSchema>;

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'asOwner' | 'sql'>;
  keys: Pick<SealingKeys, 'current' | 'find'>;
  audit: Pick<AuditLog, 'recordBy'>;
};

/** How far a clock may be ahead: a later time than this says nothing about how old an event is. */
const CLOCK_SKEW = '1 hour';
const LAST_NUMBER = '9223372036854775807';

/**
 * Rows to remove: of each chain all seals up to a number, so that the rest has no gap. It is the last number whose event or seal is of
 * these months, before the first number whose event and seal are both later. A wrong clock of one node or of one sealer therefore neither
 * keeps months nor removes later ones. DDL takes no parameters: `from` and `now` are instants in ISO form.
 */
const cutRows = (from: string, now: string) => [
  `create temp table audit_cut on commit drop as
    with ends as (
      select chain, max(sequence) as last, min(sequence) filter (where least(sealed_at, event_at) >= '${from}'
        and greatest(sealed_at, event_at) <= '${now}'::timestamptz + interval '${CLOCK_SKEW}') as later
      from audit_seal group by chain
    )
    select s.chain, max(s.sequence) as sequence from audit_seal s join ends on ends.chain = s.chain
    where s.sequence < coalesce(ends.later, ${LAST_NUMBER}) and s.sequence < ends.last and least(s.sealed_at, s.event_at) < '${from}'
    group by s.chain`,
  // Inserted again after their partitions are dropped.
  `create temp table kept_seal on commit drop as
    select s.* from audit_seal s left join audit_cut c on c.chain = s.chain
    where s.sealed_at < '${from}' and (c.sequence is null or s.sequence > c.sequence)`,
  `create temp table kept_event on commit drop as
    select * from audit_event e where e.at < '${from}' and (e.id, e.at) in (
      select s.event_id, s.event_at from audit_seal s left join audit_cut c on c.chain = s.chain
      where s.event_at < '${from}' and (c.sequence is null or s.sequence > c.sequence))`,
  `create temp table kept_detail on commit drop as
    select d.* from audit_detail d join kept_event e on e.id = d.event_id and e.at = d.at`,
  // Events of a later month whose seal is removed.
  `create temp table removed_event on commit drop as
    select s.event_id, s.event_at from audit_seal s join audit_cut c on c.chain = s.chain and s.sequence <= c.sequence
    where s.event_at >= '${from}'`,
];
/** Erased details whose event `user.erased` may be dropped; $1: the users of earlier drops. */
const EMPTIED = `
  select e.id::text from kept_event e join kept_detail d on d.event_id = e.id and d.at = e.at
  where d.salt is null and (e.id::text in (select jsonb_array_elements_text($1::jsonb)) or ${isErased('e')}) order by e.id`;
const ENDS = `
  select distinct on (s.chain) s.chain, s.sequence::text, s.seal from audit_seal s
  join audit_cut c on c.chain = s.chain and c.sequence = s.sequence order by s.chain, s.sealed_at desc`;
const EVENT =
  'id, at, type, actor_type, actor_id, subject_type, subject_id, organization_id, client_id, session_id, outcome, digest';
const PUT_BACK = [
  `insert into audit_event (${EVENT}) select ${EVENT} from kept_event`,
  'insert into audit_detail select * from kept_detail',
  'insert into audit_seal select * from kept_seal',
];
const REMOVE = [
  'delete from audit_event e using removed_event g where e.id = g.event_id and e.at = g.event_at',
  'delete from audit_detail d using removed_event g where d.event_id = g.event_id and d.at = g.event_at',
  'delete from audit_seal s using audit_cut c where s.chain = c.chain and s.sequence <= c.sequence',
];

/**
 * Takes months out of the record for good. The record says so itself, with the end of each chain that went and a proof that only
 * this installation can make: what is missing without that counts as removed.
 */
export class AuditRetention {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Drops the months before `before` (`2026-01`), except the last event of each chain. @throws audit.month_refused */
  async drop(before: string, by: By): Promise<{ before: string; chains: Dropped['chains'] }> {
    const { database, clock, keys, audit } = this.#deps;
    const from = `${before}-01T00:00:00.000Z`;
    if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(before) || from > clock.now().toISOString())
      throw monthRefused('Name the first month that stays, such as 2026-01. It cannot lie in the future.');
    const { id, key } = await keys.current();
    const earlier = await droppedMonths(database, keys);
    return database.asOwner(async (query) => {
      await query(`select pg_advisory_xact_lock(${SEALER_LOCK})`);
      const partitions = await partitionsBefore(query, before);
      // Lock before the queue is read: the lock waits for uncommitted events of these months, and later events of these months fail.
      await query(`lock table ${partitions.join(', ')} in share row exclusive mode`);
      const [waiting] = await query('select 1 from audit_unsealed where at < $1::timestamptz limit 1', [from]);
      if (waiting) throw monthRefused('Events of these months have no seal yet. Try again when they have.');
      for (const statement of cutRows(from, clock.now().toISOString())) await query(statement);
      const chains = Object.fromEntries([...earlier.anchors].map(([chain, anchor]) => [chain, asText(anchor)]));
      for (const { chain, sequence, seal } of await query<{ chain: string; sequence: string; seal: Uint8Array }>(ENDS))
        chains[chain] = asText({ sequence: BigInt(sequence), seal });
      const bare = await query<{ id: string }>(EMPTIED, [JSON.stringify([...earlier.emptied])]);
      const emptied = bare.map((event) => event.id);
      await dropPartitions(query, partitions, from);
      for (const statement of [...REMOVE, ...PUT_BACK]) await query(statement);
      const proof = createHmac('sha256', key).update(proved({ before, chains, emptied })).digest('hex');
      await audit.recordBy(query, auditMonthsDropped({ ...by, details: { before, chains, emptied, key: id, proof } }));
      return { before, chains };
    });
  }
}

/** Where chains begin, and which events have empty details, because what was before was dropped on purpose. */
export type DroppedMonths = { anchors: Map<string, Anchor>; emptied: Set<string> };

/** The events about dropped months. An event without a valid proof does not count. */
export async function droppedMonths(
  database: Pick<Database, 'sql'>,
  keys: Pick<SealingKeys, 'find'>,
): Promise<DroppedMonths> {
  const rows = await database.sql<{ details: unknown }>(
    `select details from audit_record where type = $1 and starts_with(type, 'audit.') order by at, id`,
    [auditMonthsDropped.name],
  );
  const anchors = new Map<string, Anchor>();
  const emptied = new Set<string>();
  for (const { details } of rows) {
    const { data } = droppedSchema.safeParse(details);
    const key = data && (await keys.find(data.key));
    if (!data || !key || createHmac('sha256', key).update(proved(data)).digest('hex') !== data.proof) continue;
    for (const id of data.emptied) emptied.add(id);
    for (const [chain, { sequence, seal }] of Object.entries(data.chains))
      if (BigInt(sequence) > (anchors.get(chain)?.sequence ?? 0n))
        anchors.set(chain, { sequence: BigInt(sequence), seal: Buffer.from(seal, 'hex') });
  }
  return { anchors, emptied };
}

const isDefault = (partition: string): boolean => partition.endsWith('_default');

/** The partitions of these months, and the default ones, which may have events of them. */
async function partitionsBefore(query: OwnerQuery, before: string): Promise<string[]> {
  const end = `_${before.replace('-', '_')}`;
  const found: string[] = [];
  for (const table of PARTITIONED) {
    const partitions = await query<{ name: string }>(
      `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::regclass order by 1`,
      [table],
    );
    for (const { name } of partitions)
      if (isDefault(name) || (/_\d{4}_\d{2}$/.test(name) && name < table + end)) found.push(name);
  }
  return found;
}

async function dropPartitions(query: OwnerQuery, partitions: readonly string[], from: string): Promise<void> {
  for (const name of partitions) {
    const column = name.startsWith('audit_seal') ? 'sealed_at' : 'at';
    if (isDefault(name)) await query(`delete from ${name} where ${column} < $1::timestamptz`, [from]);
    else await query(`drop table ${name}`);
  }
}

const asText = ({ sequence, seal }: Anchor) => ({
  sequence: String(sequence),
  seal: Buffer.from(seal).toString('hex'),
});

/** jsonb keeps no order of members, so chains are sorted. */
function proved({ before, chains, emptied }: Pick<Dropped, 'before' | 'chains' | 'emptied'>): string {
  const sorted = Object.entries(chains).sort(([a], [b]) => (a < b ? -1 : 1));
  const ends = sorted.map(([chain, { sequence, seal }]) => [chain, sequence, seal]);
  return JSON.stringify(['latchkey audit drop', before, ends, emptied]);
}
