/** The links of all kinds: where their secret is seen, what opening one does, and what the second use says. */
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLog } from '#kernel/log.ts';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { begin, createRequest, freshEmail, newcomer, ownNetworks, strong } from '../../support/registration.ts';
import { authorizeUrl, formsOf, type Page, pkce, type Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let client: TestClient;
let logged = '';

beforeAll(async () => {
  mails = await openMails();
  const destination = new Writable({
    write(chunk, _encoding, done) {
      logged += String(chunk);
      done();
    },
  });
  latchkey = await startTestApp({
    env: { ...mails.env, ...ownNetworks },
    settings: { 'registration.mode': 'open', 'verification.email': 'required' },
    log: createLog({ level: 'trace', destination }),
  });
  client = await latchkey.client({ first_party: true });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const at = (path: string) => `${latchkey.base}${path}`;
const start = () => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge });
const set = (name: string, value: unknown) => latchkey.run('settings.update', { name, value: JSON.stringify(value) });
const fresh = 'granite otter lantern';

async function owner(path = '/account/emails') {
  const user = await latchkey.user({ email_verified: true });
  const visitor = newcomer();
  let page = await visitor.submit(await visitor.open(at(path)), { email: user.email });
  page = await visitor.submit(page, { password: user.password });
  for (let i = 0; i < 3 && /\/(offer|enrol)-/.test(page.url); i += 1) page = await visitor.submit(page, {}, 'skip');
  return { user, visitor, page };
}

type Sent = {
  link: string;
  /** The browser in which it works. */
  visitor: Visitor;
  values?: Record<string, string>;
  /** Where the button leads. */
  done: RegExp;
};

/** How each kind of link comes about. */
const kinds: Record<string, () => Promise<Sent>> = {
  async 'a new password'() {
    const user = await latchkey.user({ email_verified: true });
    const visitor = newcomer();
    await visitor.submit(await visitor.open(at('/recovery')), { email: user.email });
    const { link } = await mails.next(user.email, /new password/);
    return { link, visitor: newcomer(), values: { password: fresh }, done: /\/recovery\/done$/ };
  },
  async 'the address of an account in a sign-in'() {
    const user = await latchkey.user();
    const visitor = newcomer();
    await visitor.submit(await visitor.submit(await visitor.open(start()), { email: user.email }), {
      password: user.password,
    });
    return { link: (await mails.next(user.email)).link, visitor, done: /[?&]code=/ };
  },
  async 'a further address'() {
    const { visitor, page } = await owner();
    const email = freshEmail();
    const add = formsOf(page).find(({ action }) => action.endsWith('/emails'))!;
    await visitor.open(add.action, { ...add.fields, email });
    return { link: (await mails.next(email)).link, visitor, done: /done=saved$/ };
  },
  async 'another first address'() {
    const { visitor } = await owner();
    const email = freshEmail();
    await visitor.submit(await visitor.open(at('/account/emails/change')), { email });
    return { link: (await mails.next(email)).link, visitor, done: /done=saved$/ };
  },
  async 'a change taken back'() {
    const { user, visitor } = await owner();
    const email = freshEmail();
    const asked = await visitor.submit(await visitor.open(at('/account/emails/change')), { email });
    await visitor.submit(asked, { code: (await mails.next(email)).code });
    const { link } = await mails.next(user.email, /was changed/);
    return { link, visitor: newcomer(), done: /\/verification\/reverted$/ };
  },
  async 'a sign-in'() {
    const user = await latchkey.user({ email_verified: true });
    const visitor = newcomer();
    const page = await visitor.submit(await visitor.open(start()), { email: user.email });
    await visitor.open(page.url.replace(/\/password$/, '/email-code'));
    return { link: (await mails.next(user.email, /sign-in code/)).link, visitor, done: /[?&]code=/ };
  },
  async 'a sign-in that was not me'() {
    const { user } = await owner('/account');
    const stranger = newcomer();
    const page = await stranger.submit(await stranger.open(start()), { email: user.email });
    await stranger.submit(page, { password: user.password });
    const { link } = await mails.next(user.email, /New sign-in/);
    return { link, visitor: newcomer(), done: /\/not-me\/done$/ };
  },
  async 'an invitation'() {
    const email = freshEmail();
    await latchkey.run('invitations.create', { email });
    return { link: (await mails.next(email, /invitation/i)).link, visitor: newcomer(), done: /\/create$/ };
  },
  async 'a new account'() {
    const email = freshEmail();
    const visitor = newcomer();
    await begin(visitor, createRequest(latchkey, client), { name: 'Noor', email, password: strong });
    return { link: (await mails.next(email)).link, visitor, done: /[?&]code=/ };
  },
  async 'a place on the waitlist'() {
    await set('registration.mode', 'waitlist');
    const email = freshEmail();
    const visitor = newcomer();
    await visitor.submit(await visitor.open(at('/waitlist')), { name: 'Ada', email });
    await set('registration.mode', 'open');
    return { link: (await mails.next(email)).link, visitor: newcomer(), done: /\/waitlist\/done$/ };
  },
  async 'the first administrator'() {
    const link = at((await latchkey.app.setup.openLink())!);
    const person = { name: 'Grace', email: freshEmail(), password: strong, password_again: strong };
    return { link, visitor: newcomer(), values: person, done: /\/setup\/done$/ };
  },
};

const secretOf = (link: string): string =>
  new URL(link).searchParams.get('token') ?? link.slice(link.lastIndexOf('/') + 1);
const places = ({ url, location, text, headers }: Page) => [
  url,
  location ?? '',
  text,
  ...[...headers].filter(([name]) => name !== 'set-cookie').flat(),
];
/** Answers to what became of people and their sign-ins. */
const acts = async () =>
  (
    await latchkey.app.database.sql<{ acts: string }>(
      `select (select count(*) from one_time_secret where used_at is not null) || ' '
         || (select count(*) from admin_link where used_at is not null) || ' ' || (select count(*) from users) || ' '
         || (select count(*) from waitlist_entry) || ' ' || (select count(*) from audit_record) as acts`,
    )
  )[0]!.acts;

describe.each(Object.entries(kinds))('the link to %s', (kind, send) => {
  test('leaves the address before any page, acts only on the button, and once', async () => {
    const { link, visitor, values = {}, done } = await send();
    const secret = secretOf(link);
    expect(secret).toMatch(/^[\w-]{43}$/);
    const before = await acts();

    // A program that looks into mails, with a cookie jar and without.
    const scanner = newcomer();
    await fetch(link, { method: 'HEAD', redirect: 'manual' });
    for (let i = 0; i < 3; i += 1) {
      await fetch(link, { redirect: 'manual' });
      await scanner.open(link);
    }
    expect(await acts()).toBe(before);

    const first = await visitor.request(link);
    expect([first.status, first.text]).toEqual([303, '']);
    expect(first.headers.get('referrer-policy')).toBe('no-referrer');
    expect(first.headers.get('cache-control')).toBe('no-store');
    const page = await visitor.open(first.location!);
    expect([page.status, page.url]).toEqual([200, first.location]);
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    expect(page.text.match(/(?:src|href|action)="(?:https?:)?\/\//g)).toBeNull();
    const form = formsOf(page).find(({ action }) => action === page.url)!;
    expect(form.method).toBe('post');
    for (const place of [...places(first).slice(1), ...places(page)]) expect(place).not.toContain(secret);
    expect(await acts()).toBe(before);

    const used = await visitor.open(form.action, {
      ...form.fields,
      ...values,
      ...Object.fromEntries(form.buttons.slice(0, 1).map(({ name, value }) => [name, value])),
    });
    expect(used.location ?? used.url).toMatch(done);
    for (const place of places(used)) expect(place).not.toContain(secret);
    expect(logged).not.toContain(secret);

    // The account of an invitation is made by the form that follows.
    if (kind === 'an invitation') await visitor.submit(used, { name: 'Ada', password: strong });
    const again = await visitor.open(link);
    expect(places(again).join('\n')).not.toContain(secret);
    const isOver = again.status === 410 && /no longer works|doesn’t work here/.test(again.text);
    // A sign-in that has ended by now says so itself.
    const isEnded = /\/interaction\//.test(link) && (again.location !== null || [400, 410].includes(again.status));
    expect(isOver || isEnded, `${again.status} ${again.url}`).toBe(true);
    expect((await newcomer().open(link)).text).toMatch(/no longer works|doesn’t work here|is over|Go back|Sign in/);
  });
});

test('the cookie of each kind opens no page of another kind', async () => {
  const sent: { kind: string; page: string; visitor: Visitor; name: string; secret: string }[] = [];
  for (const [kind, send] of Object.entries(kinds)) {
    // The first administrator is there by now.
    if (kind === 'the first administrator') continue;
    const { link, visitor } = await send();
    const { location } = await visitor.request(link);
    const [name] = [...visitor.jar.values()].filter(({ value }) => value === secretOf(link)).map((one) => one.name);
    sent.push({ kind, page: location!, visitor, name: name!, secret: secretOf(link) });
  }
  expect(new Set(sent.map(({ name }) => name.slice(0, -12))).size).toBe(sent.length);
  for (const { kind, page, visitor, name } of sent)
    for (const other of sent) {
      if (other.kind === kind) continue;
      const held = visitor.jar.get(`/ ${name}`)!;
      visitor.jar.delete(`/ ${name}`);
      // The other kind's secret, under its own name and under the name of this kind.
      visitor.jar.set(`/ ${other.name}`, { name: other.name, value: other.secret, path: '/' });
      visitor.jar.set(`/ ${name}`, { name, value: other.secret, path: '/' });
      const shown = await visitor.open(page);
      const offered = formsOf(shown).filter(({ action }) => action === page);
      expect([kind, other.kind, offered]).toEqual([kind, other.kind, []]);
      visitor.jar.delete(`/ ${other.name}`);
      visitor.jar.set(`/ ${name}`, held);
    }
  for (const { kind, page, visitor } of sent) expect([kind, (await visitor.open(page)).status]).toEqual([kind, 200]);
});
