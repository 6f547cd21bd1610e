import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { HOUR, MINUTE, SECOND, systemClock, type Clock } from '#kernel/clock.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { createJobs } from '#kernel/jobs.ts';
import { createLog } from '#kernel/log.ts';
import { createMail, type KeptMail, type Mail, type Mailer } from '#kernel/mail.ts';
import { smtpPatience, type SmtpPatience } from '#kernel/mail/smtp.ts';
import { openTestDatabase } from '../../support/database.ts';
import { createSmtpSink } from '../../support/smtp-sink.ts';

let database: Database;
beforeAll(async () => void (database = await openTestDatabase()));
afterAll(() => database.close());

/** Where the test database is, when it is on a server. */
async function urlOf(database: Database): Promise<string | undefined> {
  if (database.embedded) return undefined;
  const [row] = await database.sql<{ name: string }>('select current_database() as name');
  return Object.assign(new URL(process.env['TEST_DATABASE_URL']!), { pathname: `/${row!.name}` }).href;
}

type Office = { mailer: Mailer; kept: KeptMail[]; lines: Record<string, unknown>[]; waiting(): Promise<number> };

/** A node that sends; with a server's address over SMTP, else into a box of the test. */
async function office({
  smtpUrl,
  clock = systemClock,
  mailbox = true,
  mailFrom = 'Latchkey <no-reply@id.example>',
  smtpClientName,
  patience = smtpPatience,
}: {
  smtpUrl?: string;
  smtpClientName?: string;
  patience?: SmtpPatience;
  clock?: Clock;
  mailbox?: boolean;
  mailFrom?: string;
} = {}): Promise<Office> {
  const kept: KeptMail[] = [];
  const lines: Record<string, unknown>[] = [];
  const log = createLog({
    level: 'info',
    destination: { write: (line) => void lines.push(JSON.parse(line) as never) },
  });
  const databaseUrl = await urlOf(database);
  const jobs = createJobs({
    database,
    config: { databaseUrl },
    keyRing: createKeyRing(['a secret of the tests, long enough']),
    clock: systemClock,
    log,
  });
  const mailer = createMail({
    config: { smtpUrl, mailFrom, smtpClientName, issuerUrl: new URL('https://id.example') },
    clock,
    database,
    jobs,
    log,
    patience,
    mailbox: mailbox ? { keep: async (mail) => void kept.push(mail) } : undefined,
  });
  onTestFinished(() => jobs.stop(SECOND));
  await jobs.open();
  await database.sql(`delete from latchkey_jobs.job where name = 'mail'`);
  await jobs.start();
  const waiting = async () =>
    (await database.sql(`select 1 from latchkey_jobs.job where name = 'mail' and state < 'completed'`)).length;
  return { mailer, kept, lines, waiting };
}

const mailTo = (local: string, more: Partial<Mail> = {}): Mail => ({
  kind: 'password_reset',
  to: { address: `${local}-${crypto.randomUUID()}@x.example` },
  subject: 'Reset your password',
  text: 'canary https://id.example/reset/canary',
  html: '<a href="https://id.example/reset/canary">canary</a>',
  ...more,
});

describe('a mail', () => {
  test('is sent after its transaction has committed', async () => {
    const { mailer, kept } = await office();
    const mail = mailTo('noor', { to: { name: 'Noor', address: 'noor@x.example' } });
    await database.transaction(async (em) => {
      await mailer.send(mail, em);
      expect(kept).toEqual([]);
    });
    await vi.waitFor(() => expect(kept).toHaveLength(1), { timeout: 60_000 });
    expect(kept[0]).toEqual({
      from: { name: 'Latchkey', address: 'no-reply@id.example' },
      to: mail.to,
      subject: mail.subject,
      text: mail.text,
      html: mail.html,
    });
  });

  test('is never sent when the transaction fails, and at once without one', async () => {
    const { mailer, kept } = await office();
    const failing = database.transaction(async (em) => {
      await mailer.send(mailTo('never'), em);
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    await mailer.send(mailTo('now'));
    await vi.waitFor(() => expect(kept.map(({ to }) => to.address.split('-')[0])).toEqual(['now']), {
      timeout: 60_000,
    });
  });

  test.each(['a@x.example,b@y.example', 'a@x.example\r\nBcc: b@y.example', '"x" <a@x.example>', ''])(
    'to %j is refused',
    async (address) => {
      const { mailer, waiting } = await office();
      await expect(mailer.send(mailTo('x', { to: { address } }))).rejects.toMatchObject({
        code: 'mail.address_invalid',
        status: 422,
      });
      expect(await waiting()).toBe(0);
    },
  );

  test('leaves no usable secret in the log or in the table of jobs', async () => {
    const { mailer, kept, lines } = await office();
    await mailer.send(mailTo('noor'));
    await vi.waitFor(() => expect(kept).toHaveLength(1), { timeout: 60_000 });
    expect(JSON.stringify(lines)).not.toContain('canary');
    expect(JSON.stringify(await database.sql(`select * from latchkey_jobs.job where name = 'mail'`))).not.toContain(
      'canary',
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ mail: 'password_reset', msg: 'a mail was kept: read it at /dev/mailbox' }) as unknown,
    );
  });

  test('without a recipient is written like any other and discarded', async () => {
    const { mailer, kept, waiting } = await office();
    await mailer.send(mailTo('nobody', { discard: true }));
    const [row] = await database.sql<{ size: number }>(
      `select length(data::text) as size from latchkey_jobs.job where name = 'mail'`,
    );
    expect(row?.size).toBeGreaterThan(300);
    await vi.waitFor(async () => expect(await waiting()).toBe(0), { timeout: 60_000 });
    expect(kept).toEqual([]);
  });

  test('above the limit looks like a success and is not sent', async () => {
    const { mailer, kept, waiting, lines } = await office();
    const mail = mailTo('flooded');
    for (let i = 0; i < 6; i += 1) await mailer.send(mail);
    await vi.waitFor(async () => expect(await waiting()).toBe(0), { timeout: 60_000 });
    expect(kept).toHaveLength(3);
    const held = lines.filter(({ msg }) => msg === 'a mail was held back by its limit');
    expect(held).toHaveLength(3);
    expect(held[0]).toMatchObject({ mail: 'password_reset', to: 'f•••@x.example' });
  });

  test('is dropped after its time', async () => {
    const { mailer, kept, lines } = await office();
    await mailer.send(mailTo('late', { expiresAt: new Date(systemClock.now().getTime() - SECOND) }));
    await mailer.send(mailTo('fresh', { expiresAt: new Date(systemClock.now().getTime() + HOUR) }));
    await vi.waitFor(() => expect(kept.map(({ to }) => to.address.split('-')[0])).toEqual(['fresh']), {
      timeout: 60_000,
    });
    await vi.waitFor(
      () =>
        expect(lines).toContainEqual(
          expect.objectContaining({ msg: 'a mail was not delivered in time and is dropped' }) as unknown,
        ),
      { timeout: 10_000 },
    );
  });

  test('without a server and without a mailbox is an error in the log, not for the caller', async () => {
    const { mailer, lines } = await office({ mailbox: false });
    await mailer.send(mailTo('noor'));
    await vi.waitFor(
      () =>
        expect(lines).toContainEqual(
          expect.objectContaining({
            level: 'error',
            msg: 'a mail was held back: set SMTP_URL so that it can be sent',
            mail: 'password_reset',
            to: expect.stringMatching(/^.•••@x\.example$/) as string,
          }) as unknown,
        ),
      { timeout: 10_000 },
    );
  });

  test('needs a valid sender', async () => {
    await expect(office({ mailFrom: 'nobody' })).rejects.toThrow(/^MAIL_FROM/);
  });
});

describe('a mail server', () => {
  test.each([
    [{}, 'id.example'],
    [{ smtpClientName: 'mail.example.com' }, 'mail.example.com'],
  ])('is greeted by the name of the issuer, or the configured one: %j', async (settings, name) => {
    const sink = await createSmtpSink();
    const { mailer } = await office({ smtpUrl: sink.url, ...settings });
    await mailer.send(mailTo('ehlo'));
    await vi.waitFor(() => expect(sink.mails).toHaveLength(1), { timeout: 60_000 });
    expect(sink.greetings).toEqual([name]);
  });

  test('receives each mail once', async () => {
    const sink = await createSmtpSink();
    const { mailer, waiting } = await office({ smtpUrl: sink.url });
    await Promise.all(Array.from({ length: 10 }, (_, i) => mailer.send(mailTo(`n${i}`))));
    await vi.waitFor(async () => expect(await waiting()).toBe(0), { timeout: 60_000 });
    expect(new Set(sink.mails.flatMap(({ to }) => to)).size).toBe(10);
    expect(sink.mails).toHaveLength(10);
  });

  test('that defers is tried again', async () => {
    const sink = await createSmtpSink({ RCPT: '451 later' });
    const { mailer } = await office({ smtpUrl: sink.url });
    await mailer.send(mailTo('deferred'));
    await vi.waitFor(() => expect(sink.connections()).toBe(1), { timeout: 60_000 });
    sink.mood = {};
    await vi.waitFor(() => expect(sink.mails).toHaveLength(1), { timeout: 60_000, interval: 200 });
  });

  test('that refuses permanently is not tried again', async () => {
    const sink = await createSmtpSink({ RCPT: '550 no such user' });
    const { mailer, waiting, lines } = await office({ smtpUrl: sink.url });
    await mailer.send(mailTo('refused'));
    await vi.waitFor(async () => expect(await waiting()).toBe(0), { timeout: 60_000 });
    expect(sink.connections()).toBe(1);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({
        msg: 'a mail was refused',
        mail: 'password_reset',
        to: 'r•••@x.example',
        err: expect.objectContaining({ responseCode: 550 }) as unknown,
      }),
    ]);
    expect(JSON.stringify(lines)).not.toContain('refused-');
  });

  test('that is down until the last attempt is one log line, with the recipient and the mail', async () => {
    const { mailer, lines } = await office({ smtpUrl: 'smtp://127.0.0.1:1' });
    await database.sql(`update latchkey_jobs.queue set retry_limit = 0 where name = 'mail'`);
    onTestFinished(() => void database.sql(`update latchkey_jobs.queue set retry_limit = 110 where name = 'mail'`));
    await mailer.send(mailTo('given-up'));
    const failed = () => lines.filter(({ msg }) => msg === 'a job failed for good');
    await vi.waitFor(() => expect(failed()).toHaveLength(1), { timeout: 60_000 });
    expect(failed()[0]).toMatchObject({ mail: 'password_reset', to: 'g•••@x.example', err: { code: 'ESOCKET' } });
  });

  test('that accepts a mail without saying so receives it once more, later', { timeout: 30_000 }, async () => {
    const sink = await createSmtpSink({ '.': null });
    const patience = { ...smtpPatience, silence: 1000 };
    const { mailer } = await office({ smtpUrl: sink.url, patience });
    await mailer.send(mailTo('doubtful'));
    await vi.waitFor(() => expect(sink.mails).toHaveLength(1), { timeout: 60_000 });
    const next = () =>
      database.sql<{ seconds: number }>(
        `select extract(epoch from start_after - created_on)::float as seconds from latchkey_jobs.job where name = 'mail' and state = 'created'`,
      );
    await vi.waitFor(async () => expect(await next()).toEqual([{ seconds: expect.closeTo(30, 0) as number }]), {
      timeout: 60_000,
      interval: 200,
    });
    await database.sql(`update latchkey_jobs.job set start_after = now() where name = 'mail' and state = 'created'`);
    await vi.waitFor(() => expect(sink.mails).toHaveLength(2), { timeout: 60_000, interval: 200 });
    const ids = sink.mails.map(({ raw }) => /^message-id: (.*)$/im.exec(raw)?.[1]);
    expect(ids[0]).toMatch(/^<.+@id\.example>/);
    expect(ids[1]).toBe(ids[0]);
  });

  test('that is down delays no request', async () => {
    // It takes the call and never says a word.
    const silent = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const { mailer, waiting } = await office({ smtpUrl: `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}` });
    for (let i = 0; i < 10; i += 1) await mailer.send(mailTo(`n${i}`));
    expect(await waiting()).toBe(10);
  });

  test('that is down for five minutes is an error in the log', async () => {
    const ahead = { now: () => new Date(systemClock.now().getTime() + 6 * MINUTE) };
    const { mailer, lines } = await office({ smtpUrl: 'smtp://127.0.0.1:1', clock: ahead });
    await mailer.send(mailTo('waiting'));
    await vi.waitFor(
      () =>
        expect(lines).toContainEqual(
          expect.objectContaining({
            level: 'error',
            msg: 'mails have not been delivered for more than five minutes',
          }) as unknown,
        ),
      { timeout: 10_000 },
    );
  });
});
