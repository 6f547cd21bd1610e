/**
 * Limits on mails by recipient and by cause. They are counted in the transaction that sends, so on all nodes at once,
 * and in a sliding window: a limit that restarts at the full hour would allow twice as many around it.
 */
import { defineEntity, p } from '@mikro-orm/core';
import { DAY, HOUR, MINUTE, type Clock } from '../clock.ts';
import { sha256 } from '../crypto.ts';
import type { Database, EntityManager } from '../database.ts';
import { addressKey } from '../http/address.ts';

const MailQuotaSchema = defineEntity({
  name: 'MailQuota',
  tableName: 'mail_quota',
  properties: {
    /** SHA-256 of who and what for. */
    key: p.text().primary(),
    /** When mails were sent, in epoch milliseconds, oldest first. */
    sent: p.json<number[]>(),
    endsAt: p.datetime(3).columnType('timestamptz(3)'),
  },
  indexes: [{ name: 'mail_quota_ends_at_index', properties: ['endsAt'] }],
});
/** Times of recent mails or codes under one key, for sliding limits (table `mail_quota`). */
export class MailQuota extends MailQuotaSchema.class {}
MailQuotaSchema.setClass(MailQuota);

export type MailLimits = {
  /** Mails of one kind to one recipient in 15 minutes. */
  perRecipientQuarterHour: number;
  /** Mails of one kind to one recipient in a day. */
  perRecipientDay: number;
  /** Mails of all kinds that one client address causes in an hour. */
  perAddressHour: number;
};

export const mailLimits: MailLimits = { perRecipientQuarterHour: 3, perRecipientDay: 10, perAddressHour: 20 };

export type Limit = { key: string; most: number; within: number };

/** At most so many of `what` within a sliding time. */
export const limit = (what: string, most: number, within: number): Limit => ({
  key: sha256(what).toString('base64url'),
  most,
  within,
});

/** Whether this mail may be sent; counts it if so. */
export async function takeQuota(
  em: EntityManager,
  clock: Clock,
  limits: MailLimits,
  mail: { kind: string; to: string; share?: string | undefined; ip?: string | undefined },
): Promise<boolean> {
  return takeAll(em, clock, limitsOf(limits, mail));
}

/** One more of each, or, where one of them is consumed, of none. */
export async function takeAll(em: EntityManager, clock: Clock, limits: readonly Limit[]): Promise<boolean> {
  return (await takeOrWait(em, clock, limits)) === null;
}

/** The same; null when it was counted, else the limit that lasts longest, and until when. */
export async function takeOrWait(
  em: EntityManager,
  clock: Clock,
  limits: readonly Limit[],
): Promise<{ within: number; until: Date } | null> {
  const now = clock.now().getTime();
  const wanted = limits.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const keys = wanted.map(({ key }) => key);
  // Rows that are not there cannot be locked, so they are made; in one order, so that two mails never wait for each other.
  const marks = keys.map(() => `(?, '[]', ?)`).join(', ');
  await em.execute(
    `insert into mail_quota (key, sent, ends_at) values ${marks} on conflict do nothing`,
    keys.flatMap((key) => [key, new Date(now + DAY)]),
  );
  const rows = await em.execute<{ key: string; sent: number[] }[]>(
    `select key, sent from mail_quota where key in (${keys.map(() => '?').join(', ')}) order by key for update`,
    keys,
  );
  const sent = new Map(rows.map((row) => [row.key, row.sent]));
  const recent = wanted.map(({ key, within }) => (sent.get(key) ?? []).filter((at) => at > now - within));
  const [longest] = wanted
    .flatMap(({ most, within }, i) =>
      recent[i]!.length < most ? [] : [{ within, until: recent[i]!.at(-most)! + within }],
    )
    .toSorted((a, b) => b.until - a.until);
  if (longest !== undefined) return { within: longest.within, until: new Date(longest.until) };
  for (const [i, { key, within }] of wanted.entries())
    await em.execute('update mail_quota set sent = ?::jsonb, ends_at = ? where key = ?', [
      JSON.stringify([...recent[i]!, now]),
      new Date(now + within),
      key,
    ]);
  return null;
}

/** Whether one of these is consumed; counts nothing. */
export async function isUsedUp(em: EntityManager, clock: Clock, limits: readonly Limit[]): Promise<boolean> {
  const now = clock.now().getTime();
  const keys = limits.map(({ key }) => key);
  const rows = await em.execute<{ key: string; sent: number[] }[]>(
    `select key, sent from mail_quota where key in (${keys.map(() => '?').join(', ')})`,
    keys,
  );
  const sent = new Map(rows.map((row) => [row.key, row.sent]));
  return limits.some(({ key, most, within }) => (sent.get(key) ?? []).filter((at) => at > now - within).length >= most);
}

function limitsOf(
  limits: MailLimits,
  { kind, to, share, ip }: { kind: string; to: string; share?: string | undefined; ip?: string | undefined },
): Limit[] {
  // a+1@, a+2@ … are one mailbox with most providers, so they share a limit. (They are not one account.)
  const mailbox = to.toLowerCase().replace(/\+[^@]*(?=@)/, '');
  return [
    limit(
      `recipient quarter ${kind} ${shareOf(mailbox, share)}`,
      limits.perRecipientQuarterHour,
      RECIPIENT_QUARTER_HOUR,
    ),
    limit(`recipient day ${kind} ${shareOf(mailbox, share)}`, limits.perRecipientDay, DAY),
    ...(ip === undefined ? [] : [limit(`address hour ${addressKey(ip)}`, limits.perAddressHour, HOUR)]),
  ];
}

/** Mails to one recipient count within this time, in addition to the day. */
export const RECIPIENT_QUARTER_HOUR = 15 * MINUTE;

/** The limit of a recipient is counted by cause if the sender names one: one cause cannot use up another's part. */
export const shareOf = (recipient: string, share: string | undefined): string =>
  share === undefined ? recipient : `${recipient} ${share}`;

/** Bounded batches, so that no statement holds many rows for long. */
export async function purgeQuotas(database: Pick<Database, 'sql'>, clock: Clock): Promise<number> {
  let purged = 0;
  for (;;) {
    const rows = await database.sql(
      'delete from mail_quota where key in (select key from mail_quota where ends_at < $1 limit 1000) returning key',
      [clock.now()],
    );
    purged += rows.length;
    if (rows.length < 1000) return purged;
  }
}
