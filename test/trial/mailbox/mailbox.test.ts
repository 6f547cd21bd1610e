import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { readConfig } from '#kernel/config.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { KeptMail } from '#kernel/mail.ts';
import { createMailbox } from '#trial/mailbox/module.ts';
import { siteMap } from '../../../src/app/site-map.ts';
import { testClock } from '../../support/clock.ts';
import { openTestDatabase } from '../../support/database.ts';
import { bodyOf, headerOf, openEdge, request, statusOf, testSecret, type TestEdge } from '../../support/edge.ts';

const keyRing = createKeyRing([testSecret]);
let database: Database;
beforeAll(async () => void (database = await openTestDatabase()));
afterAll(() => database.close());
beforeEach(async () => void (await database.sql('delete from mailbox_message')));

const mail = (more: Partial<KeptMail> = {}): KeptMail => ({
  from: { name: 'Latchkey', address: 'no-reply@localhost' },
  to: { name: 'Noor', address: 'noor@x.example' },
  subject: 'Reset your password',
  text: 'Open http://localhost:3000/reset/canary and choose another.\n\nhttp://localhost:3000/reset/canary',
  html: '<a href="http://localhost:3000/reset/canary">Choose another</a>',
  ...more,
});

function open(env: Record<string, string> = {}) {
  const clock = testClock();
  return { clock, made: createMailbox({ config: readConfig(env), database, keyRing, clock }) };
}

async function served(): Promise<{ edge: TestEdge; keep(kept?: KeptMail): Promise<void> }> {
  const { clock, made } = open();
  const edge = await openEdge({
    mounts: siteMap({ embedded: true }),
    use: (edge) => void edge.use(made!.routes.routes() as never),
  });
  onTestFinished(() => edge.close());
  return {
    edge,
    keep: async (kept = mail()) => {
      clock.advance(1000);
      await made!.mailbox.keep(kept);
    },
  };
}

describe('the mailbox exists only if no other user can read it', () => {
  test.each([
    [{}, true],
    [{ ISSUER: 'http://localhost:4000' }, true],
    [{ ISSUER: 'https://id.example.com' }, false],
    [{ SMTP_URL: 'smtp://mail.example.com' }, false],
    [
      { DATABASE_URL: 'postgres://localhost/x', LATCHKEY_SECRETS: 'cXVpdGUgcmFuZG9tIHNlY3JldCBvZiB0aGUgdGVzdHM' },
      false,
    ],
  ])('%j: %s', (env, expected) => {
    expect(open(env).made !== null).toBe(expected);
  });
});

describe('kept mails', () => {
  test('are encrypted at rest', async () => {
    const { made } = open();
    await made!.mailbox.keep(mail());
    const rows = await database.sql('select * from mailbox_message');
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toMatch(/canary|noor|Reset/);
    expect(await made!.mailbox.listMails()).toMatchObject([mail()]);
  });

  test('may be text messages, which have a number and no sender', async () => {
    const { edge } = await served();
    const { made } = open();
    await made!.mailbox.keepText({ to: '+12025550123', text: '402913 is your code.\n\n@localhost #402913' });
    expect(await made!.mailbox.listMails()).toMatchObject([
      { to: { address: '+12025550123' }, subject: '402913 is your code.', isText: true },
    ]);
    const list = bodyOf(await request(edge, 'GET /dev/mailbox', ['Accept: text/html']));
    const page = bodyOf(await request(edge, `GET ${/href="(\/dev\/mailbox\/[^"]+)"/.exec(list)![1]!}`));
    expect(page).toContain('+12025550123');
    expect(page).not.toContain('<dt>From</dt>');
    expect(JSON.stringify(await database.sql('select * from mailbox_message'))).not.toMatch(/402913|\+1202/);
  });

  test('beyond two hundred the oldest are dropped', async () => {
    const { clock, made } = open();
    for (let n = 1; n <= 203; n += 1) {
      clock.advance(1);
      await made!.mailbox.keep(mail({ subject: `mail ${n}` }));
    }
    const subjects = (await made!.mailbox.listMails()).map(({ subject }) => subject);
    expect([subjects.length, subjects[0], subjects.at(-1)]).toEqual([200, 'mail 203', 'mail 4']);
  });
});

describe('GET /dev/mailbox', () => {
  test('lists mails, the newest first, each with its address', async () => {
    const { edge, keep } = await served();
    await keep(mail({ subject: 'first' }));
    await keep(mail({ subject: '<script>second' }));
    const answer = await request(edge, 'GET /dev/mailbox', ['Accept: text/html']);
    expect(statusOf(answer)).toBe(200);
    expect(headerOf(answer, 'cache-control')).toBe('no-store');
    expect(bodyOf(answer).indexOf('&lt;script&gt;second')).toBeGreaterThan(0);
    expect(bodyOf(answer).indexOf('&lt;script&gt;second')).toBeLessThan(bodyOf(answer).indexOf('first</bdi>'));
    expect(bodyOf(answer).match(/href="\/dev\/mailbox\/mail_[0-9a-z]{26}"/g)).toHaveLength(2);
  });

  test('says so when it is empty', async () => {
    const { edge } = await served();
    expect(statusOf(await request(edge, 'GET /dev/mailbox'))).toBe(200);
  });

  test('returns the same as JSON to a script', async () => {
    const { edge, keep } = await served();
    await keep();
    const answer = await request(edge, 'GET /dev/mailbox', ['Accept: application/json']);
    expect(headerOf(answer, 'content-type')).toMatch(/^application\/json/);
    expect(headerOf(answer, 'cache-control')).toBe('no-store');
    expect(JSON.parse(bodyOf(answer))).toMatchObject({
      mails: [{ ...mail(), id: expect.stringMatching(/^mail_/) as string }],
    });
  });
});

describe('GET /dev/mailbox/:id', () => {
  test('shows one mail and each link of its text once', async () => {
    const { edge, keep } = await served();
    await keep();
    const path = /\/dev\/mailbox\/mail_[0-9a-z]{26}/.exec(await request(edge, 'GET /dev/mailbox'))![0];
    const answer = await request(edge, `GET ${path}`);
    expect(statusOf(answer)).toBe(200);
    expect(bodyOf(answer)).toContain('Noor &lt;noor@x.example&gt;');
    expect(bodyOf(answer).match(/href="http:\/\/localhost:3000\/reset\/canary"/g)).toHaveLength(1);
  });

  test('shows the HTML in a frame, in which nothing runs and from which nothing is sent', async () => {
    const { edge, keep } = await served();
    await keep(
      mail({ html: '<html><head><style>p{color:red}</style></head><body><script>alert(1)</script></body></html>' }),
    );
    const path = /\/dev\/mailbox\/mail_[0-9a-z]{26}/.exec(await request(edge, 'GET /dev/mailbox'))![0];
    const page = await request(edge, `GET ${path}`);
    expect(headerOf(page, 'content-security-policy')).toContain("frame-src 'self'");
    expect(bodyOf(page)).toContain(`<iframe class="letter-frame" src="${path}/html" sandbox="allow-popups`);
    const shown = await request(edge, `GET ${path}/html`);
    expect([statusOf(shown), headerOf(shown, 'content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const policy = headerOf(shown, 'content-security-policy') ?? '';
    for (const part of ["default-src 'none'", "form-action 'none'", "frame-ancestors 'self'", 'sandbox allow-popups'])
      expect(policy).toContain(part);
    expect(policy).not.toMatch(/script-src|allow-scripts|allow-same-origin/);
    expect(bodyOf(shown)).toContain('<base target="_blank">');
  });

  test('has no HTML for a text message', async () => {
    const { edge } = await served();
    const { made } = open();
    await made!.mailbox.keepText({ to: '+12025550123', text: '402913 is your code' });
    const path = /\/dev\/mailbox\/mail_[0-9a-z]{26}/.exec(await request(edge, 'GET /dev/mailbox'))![0];
    expect(bodyOf(await request(edge, `GET ${path}`))).not.toContain('<iframe');
    expect(statusOf(await request(edge, `GET ${path}/html`))).toBe(404);
  });

  test.each(['mail_01h455vb4pex5vsknk084sn02q', 'usr_01h455vb4pex5vsknk084sn02q', '1', "'--", '%00', '..%2f'])(
    '%s is not found',
    async (id) => {
      const { edge } = await served();
      expect([400, 404]).toContain(statusOf(await request(edge, `GET /dev/mailbox/${id}`)));
    },
  );
});
