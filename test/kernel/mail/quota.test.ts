import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { mailLimits, purgeQuotas, takeQuota } from '#kernel/mail/quota.ts';
import { testClock } from '../../support/clock.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
beforeAll(async () => void (database = await openTestDatabase()));
afterAll(() => database.close());

function sender() {
  const clock = testClock();
  const id = crypto.randomUUID();
  const take = (mail: { kind?: string; to?: string; ip?: string } = {}) =>
    database.transaction((em) => takeQuota(em, clock, mailLimits, { kind: 'reset', to: `${id}@x.example`, ...mail }));
  const count = async (times: number, mail?: Parameters<typeof take>[0]) => {
    let granted = 0;
    for (let i = 0; i < times; i += 1) if (await take(mail)) granted += 1;
    return granted;
  };
  return { clock, id, take, count };
}

describe('mails of one kind to one recipient', () => {
  test('are limited to three in any 15 minutes', async () => {
    const { clock, count } = sender();
    expect(await count(1)).toBe(1);
    clock.advance(14 * MINUTE);
    expect(await count(5)).toBe(2);
    clock.advance(MINUTE);
    expect(await count(5)).toBe(1);
    clock.advance(13 * MINUTE);
    expect(await count(5)).toBe(0);
    clock.advance(MINUTE);
    expect(await count(5)).toBe(2);
  });

  test('are limited to ten in any day', async () => {
    const { clock, count } = sender();
    let granted = 0;
    for (let i = 0; i < 20; i += 1) {
      granted += await count(3);
      clock.advance(15 * MINUTE);
    }
    expect(granted).toBe(10);
    clock.advance(DAY - 5 * HOUR);
    expect(await count(5)).toBe(3);
  });

  test('do not count when they are held back, so that repeated requests lock nobody out', async () => {
    const { clock, count } = sender();
    await count(100);
    clock.advance(15 * MINUTE);
    expect(await count(100)).toBe(3);
  });

  test('are counted by kind and recipient; tags and case do not make another recipient', async () => {
    const { id, count } = sender();
    expect(await count(5)).toBe(3);
    expect(await count(5, { kind: 'verify' })).toBe(3);
    expect(await count(5, { to: `other-${id}@x.example` })).toBe(3);
    expect(await count(5, { to: `${id.toUpperCase()}+a@x.example` })).toBe(0);
  });

  test('are limited to exactly three in twenty at once', async () => {
    const { take } = sender();
    const granted = await Promise.all(Array.from({ length: 20 }, () => take()));
    expect(granted.filter(Boolean)).toHaveLength(3);
  });

  test('are not counted when the transaction fails', async () => {
    const { clock, id, count } = sender();
    const failing = database.transaction(async (em) => {
      await takeQuota(em, clock, mailLimits, { kind: 'reset', to: `${id}@x.example` });
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await count(5)).toBe(3);
  });
});

describe('mails from one client IP address', () => {
  test('are limited to twenty in an hour over all kinds and recipients, IPv6 by its first 64 bits', async () => {
    const { clock, id, take } = sender();
    const part = () => Math.floor(Math.random() * 0xffff).toString(16);
    const network = `2001:db8:${part()}:${part()}`;
    const attempt = (i: number) =>
      take({ kind: `kind-${i % 3}`, to: `${i}-${id}@x.example`, ip: `${network}::${i.toString(16)}` });
    const granted = await Promise.all(Array.from({ length: 30 }, (_, i) => attempt(i)));
    expect(granted.filter(Boolean)).toHaveLength(20);
    clock.advance(HOUR);
    expect(await attempt(99)).toBe(true);
  });

  test('above the limit use up nothing of a recipient', async () => {
    const { id, take, count } = sender();
    const ip = `198.51.${Math.floor(Math.random() * 256)}.${Math.floor(Math.random() * 256)}`;
    for (let i = 0; i < 20; i += 1) await take({ to: `${i}-${id}@x.example`, ip });
    expect(await count(3, { ip })).toBe(0);
    expect(await count(5)).toBe(3);
  });
});

test('expired rows are purged, and no others', async () => {
  const { clock, count, take } = sender();
  await take();
  await purgeQuotas(database, clock);
  expect(await count(5)).toBe(2);
  clock.advance(DAY + MINUTE);
  expect(await purgeQuotas(database, clock)).toBeGreaterThanOrEqual(2);
  expect(await database.sql('select 1 from mail_quota where ends_at < $1', [clock.now()])).toEqual([]);
});
