/**
 * Limits on text messages by recipient and by cause, and for the instance in a day: each message costs money, and
 * the owner of the numbers earns it (toll fraud). Counted in the transaction that sends, on all nodes at once.
 */
import { defineEntity, p } from '@mikro-orm/core';
import { type Clock, DAY, fromNow, HOUR } from '../clock.ts';
import type { Database, EntityManager } from '../database.ts';
import { addressKey } from '../http/address.ts';
import { limit, RECIPIENT_QUARTER_HOUR, shareOf, takeAll } from '../mail/quota.ts';
import { SMS_DAY_KEPT_FOR, SMS_PER_RECIPIENT_DAY, SMS_PER_RECIPIENT_QUARTER_HOUR } from './limits.ts';

const SmsDaySchema = defineEntity({
  name: 'SmsDay',
  tableName: 'sms_day',
  properties: {
    /** In UTC. */
    day: p.text().primary(),
    sent: p.integer(),
  },
});
/** The number of text messages of one day in UTC (table `sms_day`). */
export class SmsDay extends SmsDaySchema.class {}
SmsDaySchema.setClass(SmsDay);

export type SmsLimits = {
  /** Of all messages of the instance in a day (UTC). */
  perDay: number;
  /** Of all kinds that one client address causes in an hour. */
  perAddressHour: number;
};

/** Whether this message may be sent; counts it if so. A message without a recipient costs the same work and does not count in the day. */
export async function takeSms(
  em: EntityManager,
  clock: Clock,
  { perDay, perAddressHour }: SmsLimits,
  {
    kind,
    to,
    share,
    ip,
    isDiscarded,
  }: { kind: string; to: string; share?: string | undefined; ip: string | undefined; isDiscarded: boolean },
): Promise<'granted' | 'limited' | 'day_is_over'> {
  const mayGo = await takeAll(em, clock, [
    limit(`sms quarter ${kind} ${shareOf(to, share)}`, SMS_PER_RECIPIENT_QUARTER_HOUR, RECIPIENT_QUARTER_HOUR),
    limit(`sms day ${kind} ${shareOf(to, share)}`, SMS_PER_RECIPIENT_DAY, DAY),
    ...(ip === undefined ? [] : [limit(`sms address hour ${addressKey(ip)}`, perAddressHour, HOUR)]),
  ]);
  if (!mayGo) return 'limited';
  const weight = isDiscarded ? 0 : 1;
  const rows = await em.execute(
    `insert into sms_day as d (day, sent) select ?, ?::int where ?::int <= ?::int
     on conflict (day) do update set sent = d.sent + ?::int where d.sent + ?::int <= ?::int returning 1`,
    [dayOf(clock.now()), weight, weight, perDay, weight, weight, perDay],
  );
  return rows.length > 0 ? 'granted' : 'day_is_over';
}

/** Deletes counters of past days and returns their number. */
export async function purgeSmsDays(database: Pick<Database, 'sql'>, clock: Clock): Promise<number> {
  return (
    await database.sql('delete from sms_day where day < $1 returning 1', [dayOf(fromNow(clock, -SMS_DAY_KEPT_FOR))])
  ).length;
}

const dayOf = (time: Date): string => time.toISOString().slice(0, 10);
