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

/**
 * Events that stay although their month is dropped: events with a seal in a later month, and the last event of each chain. The time of a seal
 * is never before the time of its event, so no event loses its seal. DDL takes no parameters: `from` is of the form that `drop` asks for.
 */
const keptRows = (from: string) => [
  `create temp table kept_seal on commit drop as
    select * from (select distinct on (chain) * from audit_seal order by chain, sequence desc) last where sealed_at < '${from}'`,
  `create temp table kept_event on commit drop as
    select * from audit_event e where at < '${from}' and exists (
      select 1 from audit_seal s where s.event_id = e.id and s.event_at = e.at and s.sealed_at >= '${from}'
      union all select 1 from kept_seal s where s.event_id = e.id and s.event_at = e.at)`,
  `create temp table kept_detail on commit drop as
    select d.* from audit_detail d join kept_event e on e.id = d.event_id and e.at = d.at`,
];
/** Erased details whose event `user.erased` may be dropped; $1: the users of earlier drops. */
const EMPTIED = `
  select e.id::text from kept_event e join kept_detail d on d.event_id = e.id and d.at = e.at
  where d.salt is null and (e.id::text in (select jsonb_array_elements_text($1::jsonb)) or ${isErased('e')}) order by e.id`;
const ENDS = `
  select distinct on (s.chain) s.chain, s.sequence::text, s.seal from audit_seal s where sealed_at < $1::timestamptz
    and not exists (select 1 from kept_seal k where k.chain = s.chain and k.sequence = s.sequence) order by s.chain, s.sequence desc`;
const EVENT =
  'id, at, type, actor_type, actor_id, subject_type, subject_id, organization_id, client_id, session_id, outcome, digest';
const PUT_BACK = [
  `insert into audit_event (${EVENT}) select ${EVENT} from kept_event`,
  'insert into audit_detail select * from kept_detail',
  'insert into audit_seal select * from kept_seal',
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
      const [waiting] = await query('select 1 from audit_unsealed where at < $1::timestamptz limit 1', [from]);
      if (waiting) throw monthRefused('Events of these months have no seal yet. Try again when they have.');
      for (const statement of keptRows(from)) await query(statement);
      const chains = Object.fromEntries([...earlier.anchors].map(([chain, anchor]) => [chain, asText(anchor)]));
      for (const { chain, sequence, seal } of await query<{ chain: string; sequence: string; seal: Uint8Array }>(ENDS, [
        from,
      ]))
        chains[chain] = asText({ sequence: BigInt(sequence), seal });
      const bare = await query<{ id: string }>(EMPTIED, [JSON.stringify([...earlier.emptied])]);
      const emptied = bare.map((event) => event.id);
      await dropPartitions(query, before, from);
      for (const statement of PUT_BACK) await query(statement);
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
    'select details from audit_record where type = $1 order by at, id',
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

async function dropPartitions(query: OwnerQuery, before: string, from: string): Promise<void> {
  const end = `_${before.replace('-', '_')}`;
  for (const table of PARTITIONED) {
    const partitions = await query<{ name: string }>(
      `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::regclass`,
      [table],
    );
    for (const { name } of partitions)
      if (/_\d{4}_\d{2}$/.test(name) && name < table + end) await query(`drop table ${name}`);
    const column = table === 'audit_seal' ? 'sealed_at' : 'at';
    await query(`delete from ${table}_default where ${column} < $1::timestamptz`, [from]);
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
