/** The arithmetic of seals: which chain an event belongs to, what a seal covers, and what a digest covers. */
import { createHmac, type KeyObject } from 'node:crypto';
import { sha256 } from '#kernel/crypto.ts';

/** The chain of all events that belong to no organization. */
export const INSTANCE_CHAIN = 'instance';

/** A chain begins behind a seal of zeros, of the length of HMAC-SHA-256. */
export const NO_SEAL: Buffer = Buffer.alloc(32);

/** The members of an event that its seal covers, as `EVENT_COLUMNS` reads them. */
export type SealableEvent = {
  id: string;
  at: string;
  type: string;
  actor_type: string;
  actor_id: string | null;
  subject_type: string | null;
  subject_id: string | null;
  organization_id: string | null;
  client_id: string | null;
  session_id: string | null;
  outcome: string;
  digest: string;
};

type SealPlace = { chain: string; sequence: bigint; sealedAt: string };

/** An instant as text, the same on every node and in every time zone. */
export const instant = (column: string): string =>
  `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** Of the event `e`. */
export const EVENT_COLUMNS = `e.id::text as id, ${instant('e.at')} as at, e.type, e.actor_type, e.actor_id, e.subject_type, e.subject_id, e.organization_id, e.client_id, e.session_id, e.outcome, e.digest`;

/** Of the details `d`: the text that the digest covers. */
export const DETAIL_TEXT = 'jsonb_build_array(d.salt, d.ip, d.user_agent, d.request_id, d.details)::text';

/** The chain of an event: its organization, or the chain of the instance. */
export function chainOf({ organization_id: organization }: Pick<SealableEvent, 'organization_id'>): string {
  return organization ?? INSTANCE_CHAIN;
}

/** HMAC-SHA-256 over the seal before, the place in the chain and the event, members in a fixed order. */
export function sealOf(
  key: KeyObject,
  previous: Uint8Array,
  { chain, sequence, sealedAt }: SealPlace,
  event: SealableEvent,
): Buffer {
  const { id, at, type, outcome, digest } = event;
  const who = [event.actor_type, event.actor_id, event.subject_type, event.subject_id];
  const where = [event.organization_id, event.client_id, event.session_id];
  const text = JSON.stringify([chain, String(sequence), sealedAt, id, at, type, ...who, ...where, outcome, digest]);
  return createHmac('sha256', key).update(previous).update(text).digest();
}

/** Of the text of `DETAIL_TEXT`, in hex. */
export function digestOf(text: string): string {
  return sha256(text).toString('hex');
}
