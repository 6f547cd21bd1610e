/**
 * Addresses that a mail server on the way reads as something else (a route, a command line, a file, another address in
 * disguise) enter by no door. People who have one from before sign in with it, and mail reaches that address alone.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runOperation } from '../../support/operations.ts';
import { createSmtp } from '#kernel/mail/smtp.ts';
import { importPeople } from '#migration/command-line.ts';
import { canonicalEmail, newCanonicalEmail } from '#directory/users/module.ts';
import { password, startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { send, signInTo } from '../../support/account.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { begin, createRequest, newcomer, ownNetworks, strong } from '../../support/registration.ts';
import { createSmtpSink } from '../../support/smtp-sink.ts';
import { authorizeUrl, pkce, Visitor } from '../../support/visitor.ts';

/** Addresses that the grammar accepts and a relay may misread. */
const relayed = [
  '=?utf-8?q?bob=40evil.example=3E?=@example.com',
  '=?x?b?Ym9i?=@example.com',
  'a=?b@example.com',
  'evil.example!bob@example.com',
  'bob%evil.example@example.com',
  '-oQ/tmp@example.com',
  '-f@example.com',
  '|sh@example.com',
  'bob|sh@example.com',
  '/tmp/file@example.com',
  '`id`@example.com',
  '${run{sh}}@example.com',
  'bob@127.0.0.1',
  'bob@0x7f.1',
  'bob@127.1',
  `${'a'.repeat(64)}@${'b.'.repeat(30)}${'ü'.repeat(40)}.${'ü'.repeat(40)}.${'ü'.repeat(28)}.example`,
];

/** One spelling of each, of those that fit. */
const earlier = relayed.filter((email) => email.length < 60 && !/0x7f|127\.1$/.test(email));

/** Invalid addresses. */
const malformed = [
  '@relay.example,@other.example:bob@example.com',
  '@relay.example:bob@example.com',
  '"bob"@example.com',
  '"bob@evil.example"@example.com',
  '"bob evil.example"@example.com',
  'bob(comment)@example.com',
  '(comment)bob@example.com',
  'bob@[127.0.0.1]',
  'bob@[IPv6:::1]',
  'bob\u0000@example.com',
  'bob@exam\u0000ple.com',
  'bob\r\nRCPT TO:<eve@evil.example>@example.com',
  'bob\u0007@example.com',
  'bob\u007f@example.com',
  'bob..bill@example.com',
  '.bob@example.com',
  'bob.@example.com',
  `${'a'.repeat(65)}@example.com`,
  `bob@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(60)}.${'f'.repeat(20)}.example`,
  'bob@example.com,eve@evil.example',
  'bob@example.com eve@evil.example',
  'bob@evil.example@example.com',
  'bob\\@evil.example@example.com',
];

let latchkey: TestApp;
let mails: Mails;
let client: TestClient;
let folder: string;
/** Signed in, so that no mail about a sign-in is counted below. */
let person: Visitor;
beforeAll(async () => {
  mails = await openMails();
  folder = await mkdtemp(join(tmpdir(), 'latchkey-relayed-'));
  latchkey = await startTestApp({
    env: { ...mails.env, ...ownNetworks },
    settings: { 'oidc.registration': 'open' },
  });
  client = await latchkey.client({ first_party: true });
  person = (await signInTo(latchkey)).visitor;
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
  await rm(folder, { recursive: true });
});

/** Every place of the database that could hold the address, mails that wait included. */
async function traces(): Promise<number> {
  const [row] = await latchkey.app.database.sql<{ n: number }>(
    `select ((select count(*) from users) + (select count(*) from contact) + (select count(*) from waitlist_entry)
       + (select count(*) from one_time_secret) + (select count(*) from latchkey_jobs.job where name = 'mail'))::int as n`,
  );
  return row!.n;
}

describe.each([...relayed, ...malformed])('%j', (email) => {
  test('is refused as a new address; plain-looking ones can still be looked up', () => {
    expect(newCanonicalEmail(email)).toBeNull();
    expect(canonicalEmail(email) !== null).toBe(relayed.includes(email));
  });
});

type Door = (email: string) => Promise<unknown>;
const command =
  (name: string, input: (email: string) => object): Door =>
  async (email) => {
    const answer = await runOperation(latchkey.app.operations, name, input(email));
    expect(answer).toMatchObject({ ok: false, code: expect.stringMatching(/invalid$/) as string });
  };

const doors: Readonly<Record<string, Door>> = {
  'user create': command('users.create', (email) => ({ email })),
  'user invite': command('invitations.create', (email) => ({ email })),
  async 'user import'(email) {
    const path = join(folder, `${randomBytes(6).toString('hex')}.jsonl`);
    const good = `i${randomBytes(6).toString('hex')}@example.com`;
    const lines = [{ email }, { email: good, further_emails: [email] }];
    await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    // A further address is left out, and the user stays: a dry run says so and leaves no trace.
    await writeFile(`${path}.alone`, JSON.stringify({ email }));
    expect(await importPeople(latchkey.app.run, `${path}.alone`, {})).toMatchObject({ created: 0, refused: 1 });
    expect(await importPeople(latchkey.app.run, path, { dryRun: true })).toMatchObject({
      created: 1,
      refusals: [{ line: 1, reason: expect.stringMatching(/^email: /) as string }],
      warnings: [{ line: 2, warning: expect.stringMatching(/^further_emails: one is left out/) as string }],
    });
  },
  async registration(email) {
    const visitor = newcomer();
    const page = await begin(visitor, createRequest(latchkey, client), { name: 'Bob', email, password: strong });
    expect(page.url).not.toMatch(/check/);
  },
  async 'the pages of an account'(email) {
    await send(person, `${latchkey.base}/account/emails`, { email });
  },
  async 'the set-up of the first administrator'(email) {
    const url = `${latchkey.base}${await latchkey.app.setup.openLink()}`;
    const visitor = new Visitor();
    const page = await visitor.submit(await visitor.open(url), {
      name: 'Bob',
      email,
      password: strong,
      password_again: strong,
    });
    expect(page.url).not.toMatch(/done/);
  },
  async 'dynamic registration'(email) {
    const answer = await fetch(`${latchkey.base}/oidc/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: ['https://app.example/cb'], contacts: [email] }),
    });
    expect(answer.status).toBe(400);
  },
};

describe.each(Object.entries(doors))('by %s', (_name, enter) => {
  test('is refused', async () => {
    for (const email of [...relayed, ...malformed]) {
      const before = await traces();
      await enter(email);
      expect([email, await traces()]).toEqual([email, before]);
    }
  });
});

test('a plain address is accepted on the account pages', async () => {
  const before = await traces();
  await send(person, `${latchkey.base}/account/emails`, { email: 'plain@example.com' });
  expect(await traces()).toBeGreaterThan(before);
});

test('is refused by the waitlist', async () => {
  await latchkey.run('settings.update', { name: 'registration.mode', value: '"waitlist"' });
  for (const email of [...relayed, ...malformed]) {
    const before = await traces();
    const visitor = newcomer();
    const page = await visitor.submit(await visitor.open(`${latchkey.base}/waitlist`), { name: 'Bob', email });
    expect(page.url).not.toMatch(/check/);
    expect([email, await traces()]).toEqual([email, before]);
  }
});

describe('a user with an older address of this kind', () => {
  test.each(earlier)('%s can sign in and is found', async (email) => {
    const user = await latchkey.user();
    await latchkey.app.database.sql('update users set email = $1, email_canonical = $2 where email = $3', [
      email,
      canonicalEmail(email),
      user.email,
    ]);
    const visitor = new Visitor();
    const challenge = pkce().challenge;
    const back = await visitor.signIn(authorizeUrl(latchkey.base, client, { code_challenge: challenge }), {
      email,
      password,
    });
    expect(back.get('code')).toEqual(expect.any(String));
  });

  test.each(earlier)('%s receives mail at exactly that address', async (email) => {
    const sink = await createSmtpSink();
    const letter = {
      from: { name: '=?utf-8?q?x?= <eve@evil.example>', address: 'no-reply@id.example' },
      to: { name: 'Bob, eve@evil.example', address: canonicalEmail(email)! },
      subject: 'x',
      text: 'x',
      html: 'x',
      messageId: '<1@id.example>',
    };
    expect(
      await createSmtp(sink.url, { clientName: 'id.example' }).deliver(letter, new AbortController().signal),
    ).toEqual({ kind: 'sent' });
    expect(sink.mails).toMatchObject([{ from: 'FROM:<no-reply@id.example>', to: [`TO:<${canonicalEmail(email)}>`] }]);
  });
});
