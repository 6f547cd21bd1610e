import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND, systemClock, type Clock } from '#kernel/clock.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { createOutbound } from '#kernel/http/outbound.ts';
import { createJobs } from '#kernel/jobs.ts';
import { createLog } from '#kernel/log.ts';
import { purgeSmsDays, takeSms } from '#kernel/sms/quota.ts';
import { createSms, type Sms, type SmsPolicy } from '#kernel/sms/sms.ts';
import { testClock } from '../../support/clock.ts';
import { openTestDatabase } from '../../support/database.ts';

let database: Database;
beforeAll(async () => void (database = await openTestDatabase()));
afterAll(() => database.close());

const everywhere: SmsPolicy = { countries: ['1', '49'], exceptions: ['1876'], perDay: 100_000, perAddressHour: 10 };
const account = `AC${'0'.repeat(32)}`;
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

type Posted = { url: string; headers: IncomingHttpHeaders; body: string };

/** A gateway on loopback that answers with these statuses in turn, the last one for ever. */
async function gateway(...statuses: number[]): Promise<{ host: string; posted: Posted[] }> {
  const posted: Posted[] = [];
  const server = createServer((req, res) => {
    let body = '';
    req.on('data', (chunk: Buffer) => (body += chunk.toString()));
    req.on('end', () => {
      posted.push({ url: req.url ?? '', headers: req.headers, body });
      res.writeHead((statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 201).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, posted };
}

type Office = {
  sms: Sms;
  kept: { to: string; text: string }[];
  lines: Record<string, unknown>[];
  waiting(): Promise<number>;
};

async function office({
  smsUrl,
  smsSecret = secret,
  policy = everywhere,
  clock = systemClock,
  mailbox = true,
}: {
  smsUrl?: string;
  smsSecret?: string;
  policy?: SmsPolicy;
  clock?: Clock;
  mailbox?: boolean;
} = {}): Promise<Office> {
  const kept: Office['kept'] = [];
  const lines: Office['lines'] = [];
  const log = createLog({
    level: 'info',
    destination: { write: (line) => void lines.push(JSON.parse(line) as never) },
  });
  const [row] = await database.sql<{ name: string }>('select current_database() as name');
  const server = process.env['TEST_DATABASE_URL'];
  const databaseUrl = server ? Object.assign(new URL(server), { pathname: `/${row!.name}` }).href : undefined;
  const keyRing = createKeyRing(['a secret of the tests, long enough']);
  const jobs = createJobs({ database, config: { databaseUrl }, keyRing, clock: systemClock, log });
  const outbound = createOutbound({ allow: ['127.0.0.1'], log });
  const sms = createSms({
    config: { smsUrl, smsSecret },
    clock,
    database,
    jobs,
    outbound,
    log,
    mailbox: mailbox ? { keepText: async ({ to, text }) => void kept.push({ to, text }) } : undefined,
    policy: () => policy,
  });
  onTestFinished(async () => {
    await jobs.stop(SECOND);
    await outbound.close();
  });
  await jobs.open();
  await database.sql(`delete from latchkey_jobs.job where name = 'sms'`);
  await jobs.start();
  const waiting = async () =>
    (await database.sql(`select 1 from latchkey_jobs.job where name = 'sms' and state < 'completed'`)).length;
  return { sms, kept, lines, waiting };
}

let last = 2_025_550_100;
const number = (): string => `+1${(last += 1)}`;
const message = (more: object = {}) => ({ kind: 'verify_phone', to: number(), text: 'canary 402913', ...more });
const soon = { timeout: 60_000 };

describe('a text message', () => {
  test('is sent after its transaction has committed, and never when that fails', async () => {
    const { sms, kept } = await office();
    const failing = database.transaction(async (em) => {
      await sms.send(message(), em);
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    const sent = message();
    await database.transaction(async (em) => {
      await sms.send(sent, em);
      expect(kept).toEqual([]);
    });
    await vi.waitFor(() => expect(kept).toEqual([{ to: sent.to, text: sent.text }]), soon);
  });

  test.each(['2025550123', '+0123456789', '+1202555012x', '', '+12025550123,+12025550124'])(
    'to %j is refused',
    async (to) => {
      const { sms } = await office();
      await expect(sms.send(message({ to }))).rejects.toMatchObject({ code: 'sms.number_invalid', status: 422 });
    },
  );

  test('leaves no usable secret in the log or in the table of jobs', async () => {
    const { sms, kept, lines } = await office();
    await sms.send(message());
    await vi.waitFor(() => expect(kept).toHaveLength(1), soon);
    const rows = await database.sql(`select * from latchkey_jobs.job where name = 'sms'`);
    expect(JSON.stringify([rows, lines])).not.toMatch(/canary|402913|\+1202/);
  });

  test('is dropped after its time', async () => {
    const clock = testClock();
    const { sms, kept, lines, waiting } = await office({ clock });
    const expiresAt = clock.now();
    await sms.send(message({ expiresAt }));
    await vi.waitFor(async () => expect(await waiting()).toBe(0), soon);
    expect(kept).toEqual([]);
    expect(lines.map(({ msg }) => msg)).toContain('a text message was not delivered in time and is dropped');
  });

  test('without a gateway is an error in the log, and the feature is off', async () => {
    const { sms, lines } = await office({ mailbox: false });
    expect(sms.isOn()).toBe(false);
    expect(sms.reaches(number())).toBe(false);
    await sms.send(message());
    expect(lines.map(({ msg }) => msg)).toContain('a text message was held back: sms.countries does not allow it');
  });
});

describe('protection against toll fraud', () => {
  test('nothing is sent until a country is allowed', async () => {
    const { sms, kept, waiting } = await office({ policy: { ...everywhere, countries: [] } });
    expect(sms.isOn()).toBe(false);
    await sms.send(message());
    await vi.waitFor(async () => expect(await waiting()).toBe(0), soon);
    expect(kept).toEqual([]);
  });

  test.each([
    ['+12025550123', true],
    ['+18765550123', false],
    ['+4930901820', true],
    ['+447700900123', false],
    ['4930901820', false],
  ])('allowed prefixes, without the exceptions: %s %s', async (to, expected) => {
    const { sms } = await office();
    expect(sms.reaches(to)).toBe(expected);
  });

  test('a message without a recipient or above a limit looks like a success and is not sent', async () => {
    const { sms, kept, waiting } = await office();
    await sms.send(message({ discard: true }));
    const flooded = message();
    for (let i = 0; i < 6; i += 1) await sms.send(flooded);
    await vi.waitFor(async () => expect(await waiting()).toBe(0), soon);
    expect(kept).toHaveLength(3);
  });

  test('a number has three in 15 minutes and ten in a day of one kind, a client address its hourly limit, the instance its daily limit', async () => {
    const clock = testClock(`2031-0${1 + Math.floor(Math.random() * 9)}-01T00:00:00Z`);
    const take = (given: object = {}, perDay = 1_000_000) =>
      database.transaction((em) =>
        takeSms(
          em,
          clock,
          { perDay, perAddressHour: 5 },
          {
            kind: 'sign_in_sms',
            to: number(),
            ip: undefined,
            isDiscarded: false,
            ...given,
          },
        ),
      );
    const count = async (times: number, given?: () => object, perDay?: number) => {
      const outcomes: string[] = [];
      for (let i = 0; i < times; i += 1) outcomes.push(await take(given?.(), perDay));
      return outcomes.filter((outcome) => outcome === 'granted').length;
    };
    const to = number();
    expect(await count(5, () => ({ to }))).toBe(3);
    expect(await take({ to, kind: 'second_factor_sms' })).toBe('granted');
    let inADay = 3;
    for (let i = 0; i < 10; i += 1) {
      clock.advance(15 * MINUTE);
      inADay += await count(3, () => ({ to }));
    }
    expect(inADay).toBe(10);
    const ip = `192.0.2.${1 + (last % 250)}`;
    expect(await count(8, () => ({ ip }))).toBe(5);
    clock.advance(HOUR);
    expect(await count(1, () => ({ ip }))).toBe(1);
    clock.advance(DAY);
    expect(await count(5, () => ({}), 3)).toBe(3);
    expect(await take({}, 3)).toBe('day_is_over');
    // A message without a recipient does not count in the daily limit.
    expect(await take({ isDiscarded: true }, 3)).toBe('granted');
    clock.advance(DAY);
    expect(await take({}, 3)).toBe('granted');
    clock.advance(5 * DAY);
    expect(await purgeSmsDays(database, clock)).toBeGreaterThan(0);
  });
});

describe('Twilio', () => {
  const url = (host: string, more = '?from=%2B12025550100') => `twilio://${account}:to%3Aken@${host}${more}`;

  test('receives number, text and sender with the credentials of the account', async () => {
    const { host, posted } = await gateway(201);
    const { sms } = await office({ smsUrl: url(host), mailbox: false });
    const sent = message();
    await sms.send(sent);
    await vi.waitFor(() => expect(posted).toHaveLength(1), soon);
    expect(posted[0]!.url).toBe(`/2010-04-01/Accounts/${account}/Messages.json`);
    expect(posted[0]!.headers['authorization']).toBe(`Basic ${Buffer.from(`${account}:to:ken`).toString('base64')}`);
    expect(Object.fromEntries(new URLSearchParams(posted[0]!.body))).toEqual({
      To: sent.to,
      Body: sent.text,
      From: '+12025550100',
    });
  });

  test('may have a messaging service, and an API key with the account', async () => {
    const { host, posted } = await gateway(201);
    const key = `SK${'1'.repeat(32)}`;
    const { sms } = await office({
      smsUrl: `twilio://${key}:token@${host}?account=${account}&service=MG${'2'.repeat(32)}`,
    });
    await sms.send(message());
    await vi.waitFor(() => expect(posted).toHaveLength(1), soon);
    expect(posted[0]!.url).toContain(account);
    expect(new URLSearchParams(posted[0]!.body).get('MessagingServiceSid')).toBe(`MG${'2'.repeat(32)}`);
    expect(new URLSearchParams(posted[0]!.body).has('From')).toBe(false);
  });

  test('is tried again after its own failure, and not after a refusal', async () => {
    const failing = await gateway(503, 201);
    const first = await office({ smsUrl: url(failing.host) });
    await first.sms.send(message());
    await vi.waitFor(() => expect(failing.posted).toHaveLength(2), { timeout: 60_000 });
    const refusing = await gateway(400);
    const second = await office({ smsUrl: url(refusing.host) });
    await second.sms.send(message());
    await vi.waitFor(() => expect(second.lines.map(({ msg }) => msg)).toContain('a text message was refused'), {
      timeout: 60_000,
    });
    expect(refusing.posted).toHaveLength(1);
  });

  test.each([
    'twilio://x:y@api.twilio.com?from=+12025550100',
    `twilio://${account}@api.twilio.com?from=+12025550100`,
    `twilio://${account}:token@api.twilio.com`,
    `twilio://${account}:token@api.twilio.com?from=+12025550100&service=MG1`,
  ])('an invalid address stops the start: %s', async (smsUrl) => {
    await expect(office({ smsUrl })).rejects.toThrow('SMS_URL for Twilio must be');
  });
});

describe('the operator’s own gateway', () => {
  test('receives a signed object whose id stays the same over attempts', async () => {
    const { host, posted } = await gateway(500, 204);
    const { sms } = await office({ smsUrl: `http://${host}/send` });
    const sent = message();
    await sms.send(sent);
    await vi.waitFor(() => expect(posted).toHaveLength(2), { timeout: 60_000 });
    for (const { headers, body } of posted) {
      const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
      const expected = createHmac('sha256', Buffer.alloc(32, 7)).update(signed).digest('base64');
      expect(headers['webhook-signature']).toBe(`v1,${expected}`);
      expect(JSON.parse(body)).toMatchObject({
        type: 'sms.send',
        data: { kind: 'verify_phone', to: sent.to, text: sent.text },
      });
    }
    expect(posted[0]!.headers['webhook-id']).toBe(posted[1]!.headers['webhook-id']);
  });

  test.each(['', 'secret', 'whsec_c2hvcnQ='])('needs a long enough secret: %j', async (smsSecret) => {
    await expect(office({ smsUrl: 'https://sms.example', smsSecret })).rejects.toThrow('SMS_SECRET must be');
  });
});
