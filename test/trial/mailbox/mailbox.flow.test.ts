import { expect, onTestFinished, test, vi } from 'vitest';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { createSmtpSink } from '../../support/smtp-sink.ts';

const mail = {
  kind: 'welcome',
  to: { name: 'Noor', address: 'noor@x.example' },
  subject: 'Welcome',
  text: 'Go to http://localhost/start.',
  html: '<p>Go.</p>',
};

async function open(env: Record<string, string> = {}): Promise<TestApp> {
  const latchkey = await startTestApp({ env });
  onTestFinished(() => latchkey.close());
  return latchkey;
}

test.skipIf(process.env['TEST_DATABASE_URL'])(
  'without a mail server a mail is read at /dev/mailbox moments later',
  async () => {
    const latchkey = await open();
    await latchkey.app.mailer.send(mail);
    const mails = async () =>
      (await (
        await fetch(`${latchkey.base}/dev/mailbox`, { headers: { accept: 'application/json' } })
      ).json()) as object;
    await vi.waitFor(
      async () => expect(await mails()).toMatchObject({ mails: [{ subject: 'Welcome', to: mail.to }] }),
      { timeout: 10_000 },
    );
  },
);

test('with a mail server it receives the mail, and there is no mailbox', async () => {
  const sink = await createSmtpSink();
  const latchkey = await open({ SMTP_URL: sink.url, MAIL_FROM: 'Fernway <id@fernway.example>' });
  await latchkey.app.mailer.send(mail);
  await vi.waitFor(
    () => expect(sink.mails).toMatchObject([{ from: 'FROM:<id@fernway.example>', to: ['TO:<noor@x.example>'] }]),
    { timeout: 10_000 },
  );
  expect((await fetch(`${latchkey.base}/dev/mailbox`)).status).toBe(404);
});
