/** Secrets in mails, secrets that are shown once and secrets that users type: nowhere in the log, and in no row of the database. */
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { readConfig } from '#kernel/config.ts';
import { runOperation } from '../../support/operations.ts';
import { type Listener, openListener } from '#kernel/http/listener.ts';
import { createLog } from '#kernel/log.ts';
import { type App, createApp } from '../../../src/app/app.ts';
import { send } from '../../support/account.ts';
import { freePort, redirectUri, testSecrets, type TestClient } from '../../support/app.ts';
import { openPglite } from '../../support/database.ts';
import { type Mails, openMails, type ReadMail } from '../../support/mails.ts';
import { codeOf, codesOn, keyOn } from '../../support/mfa.ts';
import { authorizeUrl, type Page, pkce, Visitor } from '../../support/visitor.ts';

const passwords = ['granite otter lantern 11', 'granite otter lantern 22', 'granite otter lantern 33'] as const;

let app: App;
let listener: Listener;
let mails: Mails;
let base: string;
let logged = '';
const secrets = new Map<string, string>(passwords.map((password, i) => [`password ${i}`, password]));

const at = (path: string) => `${base}${path}`;
async function run<T>(name: string, input: unknown): Promise<T> {
  const ran = await runOperation(app.operations, name, input);
  if (!ran.ok) throw new Error(ran.message);
  return ran.result as T;
}

/** Waits for a mail, and remembers what is secret in it. */
async function mail(to: string, subject: RegExp): Promise<ReadMail> {
  const read = await mails.next(to, subject);
  const secret = /[\w-]{43}/g;
  const found = [...`${read.link} ${read.text}`.matchAll(secret)].map(([text]) => text);
  for (const text of found) if (!text.includes('-----')) secrets.set(`link of “${read.subject}” to ${to}`, text);
  if (read.code) secrets.set(`code of “${read.subject}” to ${to}`, read.code);
  return read;
}
const keep = (what: string, value: string): string => {
  secrets.set(what, value);
  return value;
};

beforeAll(async () => {
  const destination = new Writable({
    write(chunk, _encoding, done) {
      logged += String(chunk);
      done();
    },
  });
  mails = await openMails();
  const config = readConfig({ PORT: String(await freePort()), LATCHKEY_SECRETS: testSecrets, ...mails.env });
  base = config.issuer;
  const log = createLog({ level: 'trace', destination });
  app = await createApp({ config, log, clock: systemClock, pglite: await openPglite() });
  listener = await openListener(config, app.callback);
  await app.startJobs();
  await run('settings.update', { name: 'password.breachCheck', value: 'false' });
  const client = await run<TestClient>('clients.create', {
    name: 'Shop',
    type: 'web',
    redirect_uris: [redirectUri],
    first_party: true,
  });
  await walk(client);
}, 120_000);
afterAll(async () => {
  await listener.close(0);
  await app.close();
  mails.close();
});

/** From the first day of an account to its last, with everything that is secret on the way. */
async function walk(client: TestClient): Promise<void> {
  const email = 'canary@example.com';
  const visitor = new Visitor();
  const url = (extra: Record<string, string> = {}) =>
    authorizeUrl(base, client, { code_challenge: pkce().challenge, ...extra });

  let page = await visitor.open(url({ prompt: 'create' }));
  page = await visitor.submit(page, { name: 'Canary', email, password: passwords[0], terms: '1' });
  page = await visitor.submit(page, { code: (await mail(email, /\d{3}/)).code });
  expect(page.location).toContain('code=');

  const elsewhere = new Visitor();
  page = await elsewhere.submit(await elsewhere.open(url()), { email });
  await elsewhere.open(page.url.replace(/\/password$/, '/email-code'));
  page = await elsewhere.open((await mail(email, /code/)).link);
  page = await elsewhere.submit(page);
  expect(page.location).toContain('code=');

  await visitor.submit(await visitor.open(at('/recovery')), { email });
  await visitor.submit(await visitor.open((await mail(email, /password/i)).link), { password: passwords[1] });
  page = await signIn(visitor, email, passwords[1]);
  page = await visitor.open(at('/account/authenticator'));
  const key = keep('the key of the app', keyOn(page).replaceAll(' ', ''));
  keep('the key of the app as it is shown', keyOn(page));
  page = await visitor.submit(page, { code: keep('a code of the app', codeOf(key)), name: 'Phone' });
  // The code that added the app is the proof.
  expect(page.url).toMatch(/\/account\/recovery-codes\/show$/);
  for (const [i, code] of codesOn(page).entries()) keep(`recovery code ${i}`, code);

  page = await visitor.open(at('/account/emails/change'));
  expect(page.url).toMatch(/second-factor\/totp$/);
  page = await visitor.submit(page, { code: keep('another code of the app', codeOf(key, 1)) });
  page = await visitor.submit(page, { email: 'second@example.com' });
  await visitor.submit(page, { code: (await mail('second@example.com', /\d{3}/)).code });
  const back = await mail(email, /(?<!password )was changed/);
  await send(visitor, at('/account/password'), { current: passwords[1], password: passwords[2] });
  const stranger = new Visitor();
  await stranger.submit(await stranger.open(back.link), {}, 'confirm');
  await mail(email, /password/i);

  await run('invitations.create', { email: 'invited@example.com' });
  page = await stranger.open((await mail('invited@example.com', /./)).link);
  await stranger.submit(page);
  for (const browser of [visitor, elsewhere, stranger])
    for (const { name, value } of browser.jar.values())
      if (!/locale|theme|lang/.test(name) && value.length >= 20) keep(`cookie ${name} ${secrets.size}`, value);
}

async function signIn(visitor: Visitor, email: string, password: string): Promise<Page> {
  let page = await visitor.open(at('/account'));
  if (page.url.endsWith('/login')) page = await visitor.submit(page, { email });
  page = await visitor.submit(page, { password });
  expect(page.url).toBe(at('/account'));
  return page;
}

/** Six digits stand in many places by chance, inside of longer words; alone they do not. */
const isIn = (text: string, secret: string): boolean =>
  /^\d{6}$/.test(secret) ? new RegExp(`(?<![\\w.:-])${secret}(?![\\w.:-])`).test(text) : text.includes(secret);

describe('secrets of users', () => {
  test('exist in this test', () => {
    const kinds = [...secrets.keys()].map((what) => what.split(' ')[0]);
    for (const kind of ['password', 'link', 'code', 'recovery', 'cookie']) expect(kinds, kind).toContain(kind);
    expect(kinds.filter((kind) => kind === 'recovery')).toHaveLength(10);
    expect(kinds.filter((kind) => kind === 'link').length).toBeGreaterThanOrEqual(5);
    expect(logged.length).toBeGreaterThan(10_000);
  });

  test('are in no line of the log', () => {
    expect([...secrets].filter(([, secret]) => isIn(logged, secret)).map(([what]) => what)).toEqual([]);
  });

  test('are in no row of the database', async () => {
    // Jobs have a schema of their own.
    const tables = await app.database.sql<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
       where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
    );
    expect(new Set(tables.map(({ name }) => name.split('.')[0])).size).toBeGreaterThan(1);
    const leaks: string[] = [];
    for (const { name } of tables) {
      const rows = await app.database.sql<{ row: string }>(`select t::text as row from ${name} t`);
      for (const [what, secret] of secrets) {
        const hex = Buffer.from(secret).toString('hex');
        if (rows.some(({ row }) => isIn(row, secret) || (secret.length > 6 && row.includes(hex))))
          leaks.push(`${what} in ${name}`);
      }
    }
    expect(leaks).toEqual([]);
  });
});
