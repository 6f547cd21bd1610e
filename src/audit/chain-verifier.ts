import type { KeyObject } from 'node:crypto';
import type { Database } from '#kernel/database.ts';
import { VERIFIED_PAGE } from './limits.ts';
import {
  chainOf,
  DETAIL_TEXT,
  digestOf,
  EVENT_COLUMNS,
  instant,
  NO_SEAL,
  type SealableEvent,
  sealOf,
} from './seal-chain.ts';

/** Where a chain begins: behind its last seal that was dropped with its month, or at its first one. */
export type Anchor = { sequence: bigint; seal: Uint8Array };
export type ChainResult = { events: number; last: bigint; problem: { sequence: string; problem: string } | null };

type Sealed = {
  sequence: string;
  sealed_at: string;
  key_id: string;
  seal: Uint8Array;
  has_detail: boolean;
  rest: string;
  is_bare: boolean;
  is_erased: boolean;
} & (SealableEvent | { id: null });

/** Whether a record says that the user of the event `e` was erased. */
export const isErased = (event: string): string =>
  `exists (select 1 from audit_event x where x.type = 'user.erased' and x.subject_type = 'user' and x.subject_id in (${event}.subject_id, ${event}.actor_id))`;

const SEALS = `
  select s.sequence::text, ${instant('s.sealed_at')} as sealed_at, s.key_id, s.seal, ${EVENT_COLUMNS},
    d.event_id is not null as has_detail, ${DETAIL_TEXT} as rest,
    d.salt is null and d.ip is null and d.user_agent is null and d.request_id is null and d.details = '{}'::jsonb as is_bare,
    d.salt is null and ${isErased('e')} as is_erased
  from (
    select * from audit_seal s where s.chain = $1 and (s.sequence, s.sealed_at) > ($2::bigint, $3::timestamptz)
    order by s.sequence, s.sealed_at limit ${VERIFIED_PAGE}
  ) s left join audit_event e on e.id = s.event_id and e.at = s.event_at left join audit_detail d on d.event_id = e.id and d.at = e.at
  order by s.sequence, s.sealed_at`;

type Dependencies = {
  /** Ids of events whose details are known to be empty although no record says so any more. */
  emptied: ReadonlySet<string>;
  database: Pick<Database, 'sql'>;
  keys: { find(id: string): Promise<KeyObject | null> };
};

/** Recomputes one chain and stops at the first wrong seal. `seen` receives each right seal. */
export async function verifyChain(
  { database, keys, emptied }: Dependencies,
  chain: string,
  anchor: Anchor = { sequence: 0n, seal: NO_SEAL },
  seen: (sequence: bigint, seal: Uint8Array) => void = () => undefined,
): Promise<ChainResult> {
  let previous = anchor.seal;
  let last = anchor.sequence;
  // From the lowest number there can be: a seal before the first one is as wrong as one too many.
  let place: readonly [string, string] = ['-9223372036854775808', '-infinity'];
  let events = 0;
  for (;;) {
    const rows = await database.sql<Sealed>(SEALS, [chain, ...place]);
    for (const row of rows) {
      const problem =
        wrongNumber(row, last + 1n) ??
        wrongSeal(row, chain, previous, await keys.find(row.key_id)) ??
        wrongDetail(row, emptied);
      if (problem !== null) return { events, last, problem: { sequence: row.sequence, problem } };
      last += 1n;
      events += 1;
      previous = row.seal;
      seen(last, row.seal);
    }
    const end = rows.at(-1);
    if (!end || rows.length < VERIFIED_PAGE) return { events, last, problem: null };
    place = [end.sequence, end.sealed_at];
  }
}

function wrongNumber({ sequence }: Sealed, expected: bigint): string | null {
  const found = BigInt(sequence);
  if (found === expected) return null;
  if (found < expected) return `There is one seal too many with the number ${sequence}.`;
  const missing = found - expected === 1n ? `number ${expected}` : `numbers ${expected} to ${found - 1n}`;
  return `The seals before this one are missing: ${missing}. No record says that they were dropped.`;
}

function wrongSeal(row: Sealed, chain: string, previous: Uint8Array, key: KeyObject | null): string | null {
  if (row.id === null) return 'The event of this seal was removed.';
  if (key === null) return `The key ${row.key_id} of this seal is not known, so it was not made by this installation.`;
  if (chainOf(row) !== chain) return `The event of this seal belongs to the chain ${chainOf(row)}.`;
  const place = { chain, sequence: BigInt(row.sequence), sealedAt: row.sealed_at };
  if (sealOf(key, previous, place, row).equals(row.seal)) return null;
  return 'The seal does not fit: the event, the seal or a seal before it was changed.';
}

function wrongDetail(row: Sealed, emptied: ReadonlySet<string>): string | null {
  if (row.id === null) return null;
  if (!row.has_detail) return 'The details of the event were removed.';
  if (digestOf(row.rest) === row.digest) return null;
  if (!row.is_bare) return 'The details of the event were changed.';
  return row.is_erased || emptied.has(row.id)
    ? null
    : 'The details of the event were emptied, and no record says that its user was erased.';
}
