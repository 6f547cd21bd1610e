/** Every page of a sign-in in every state that a browser can find it in: it works, or says what is true and leads on. */
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { isSignIn, signInTo, travel } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from '../../support/visitor.ts';

/** Paths below /interaction/:uid/, each with the one that its form is sent to. */
const pages: Readonly<Record<string, string>> = {
  account: 'account',
  login: 'login',
  password: 'password',
  cancel: 'cancel',
  passkey: 'passkey',
  'email-code': 'email-code',
  'sms-code': 'sms-code',
  federation: 'federation/acme',
  create: 'create',
  forgot: 'forgot',
  consent: 'consent',
  'second-factor': 'second-factor/totp',
  'enrol-factor': 'enrol-factor',
  'offer-passkey': 'offer-passkey',
  'first-passkey': 'first-passkey',
  restriction: 'restriction',
  organization: 'organization',
  'recovery-codes': 'recovery-codes',
  'new-password': 'new-password',
  'verify-email': 'verify-email',
  terms: 'terms',
  profile: 'profile',
};

let latchkey: TestApp;
let client: TestClient;
let stranger: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp();
  [client, stranger, user] = [
    await latchkey.client({ first_party: true, client_uri: 'https://shop.example/' }),
    await latchkey.client({ client_uri: 'https://stranger.example/' }),
    await latchkey.user({ email_verified: true }),
  ];
  await latchkey.run('connections.create', {
    slug: 'acme',
    name: 'Acme',
    provider: 'oidc',
    issuer: 'https://id.acme.example',
    client_id: 'latchkey',
    client_secret: 'shared secret',
  });
});
afterAll(() => latchkey.close());
afterEach(() => void vi.useRealTimers());

type Begun = { visitor: Visitor; uid: string; page: Page };
const url = () => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge });
const uidOf = (page: Page): string => /\/interaction\/([\w-]+)/.exec(page.url)?.[1] ?? '';
const at = (uid: string, path: string) => `${latchkey.base}/interaction/${uid}/${path}`;

async function begin(visitor = new Visitor()): Promise<Begun> {
  const page = await visitor.open(url());
  return { visitor, uid: uidOf(page), page };
}

/** A closed browser that remembers the user, and others. */
async function remembering(...others: TestUser[]): Promise<Visitor> {
  const visitor = new Visitor();
  for (const { email, password } of [...others, user]) {
    const { uid } = await begin(visitor);
    const asked = await visitor.submit(await visitor.open(at(uid, 'login')), { email });
    expect((await visitor.submit(asked, { password, remember: '1' })).location).toContain('code=');
    for (const [key, { name }] of visitor.jar) if (!/device|remembered/.test(name)) visitor.jar.delete(key);
  }
  return visitor;
}

async function finished(): Promise<Begun> {
  const begun = await begin();
  const { visitor, page } = begun;
  const end = await visitor.submit(await visitor.submit(page, { email: user.email }), { password: user.password });
  expect(end.location).toContain('code=');
  return begun;
}

/** The page, sent once more from a tab that still shows it. */
async function press({ visitor, uid }: Begun, path: string, csrf: string): Promise<Page> {
  return visitor.open(at(uid, path), { csrf, action: 'continue' });
}

const expectGone = (page: Page, sentences: readonly string[], next: string) => {
  expect(page.status).toBe(410);
  const words = page.text.replaceAll(/<[^>]+>/g, '');
  for (const sentence of sentences) expect(words).toContain(sentence);
  expect(page.text).toMatch(new RegExp(`<a class="btn primary full" href="${next}`));
  expect(page.headers.get('cross-origin-opener-policy')).toBeNull();
  expect(page.headers.get('content-security-policy')).not.toContain('form-action');
};

/** The outcome of each state. `open` is the page as this browser finds it. */
const states: Readonly<
  Record<
    string,
    { prepare(): Promise<Begun>; open?(begun: Begun, path: string): Promise<Page>; see(page: Page, begun: Begun): void }
  >
> = {
  done: {
    prepare: finished,
    see: (page) =>
      expectGone(page, ['This sign-in is complete.', `You’re signed in here as`, user.email], 'https://shop.example/'),
  },
  'done, by a user who was signed in and had to allow it': {
    async prepare() {
      const { visitor } = await finished();
      travel(2 * MINUTE);
      const asked = await visitor.open(
        authorizeUrl(latchkey.base, stranger, { code_challenge: pkce().challenge, scope: 'openid email' }),
      );
      expect((await visitor.submit(asked, {}, 'allow')).location).toContain('code=');
      return { visitor, uid: uidOf(asked), page: asked };
    },
    see: (page) =>
      expectGone(
        page,
        ['This sign-in is complete.', `You’re signed in here as`, user.email],
        'https://stranger.example/',
      ),
  },
  expired: {
    prepare: () => begin(),
    async open({ visitor, uid }, path) {
      travel(16 * MINUTE);
      return visitor.open(at(uid, path));
    },
    see: (page) =>
      expectGone(page, ['This sign-in has expired', 'You’re not signed in here.', 'Start again'], '/oidc/auth\\?'),
  },
  'lost in a restart': {
    async prepare() {
      const begun = await begin();
      await latchkey.app.database.sql(`delete from oidc_artifact where kind = 'Interaction'`);
      return begun;
    },
    see: (page) => expectGone(page, ['This sign-in has ended', 'You’re not signed in here.'], 'https://shop.example/'),
  },
  'of another browser': {
    async prepare() {
      return { ...(await begin()), visitor: new Visitor() };
    },
    see: (page) => expectGone(page, ['started in another browser', 'You’re not signed in here.'], '/account'),
  },
  'opened elsewhere, by another user who is signed in': {
    async prepare() {
      const [{ uid, page }, other] = [await begin(), await signInTo(latchkey)];
      return { visitor: other.visitor, uid, page };
    },
    see(page) {
      expectGone(page, ['started in another browser', 'You’re signed in here as'], '/account');
      expect(page.text).not.toContain(user.email);
    },
  },
  'replaced by a later sign-in': {
    async prepare() {
      const first = await begin();
      await begin(first.visitor);
      return first;
    },
    see: (page, { uid }) => expect([page.status, uidOf(page)]).toEqual([200, uid]),
  },
  'opened twice': {
    prepare: () => begin(),
    async open({ visitor, uid }, path) {
      const [one, two] = await Promise.all([visitor.open(at(uid, path)), visitor.open(at(uid, path))]);
      expect(two.url).toBe(one.url);
      return one;
    },
    see: (page, { uid }) => expect([page.status, uidOf(page), isSignIn(page)]).toEqual([200, uid, true]),
  },
  'whose browser remembers the account, which another tab forgets': {
    prepare: async () => begin(await remembering()),
    async open({ visitor, uid }, path) {
      await visitor.open(at(uid, path));
      const csrf = formsOf(await visitor.open(at(uid, 'password')))[0]!.fields['csrf']!;
      await visitor.open(at((await begin(visitor)).uid, 'account/forget'), { csrf, account: user.id });
      const page = await visitor.open(at(uid, path));
      expect(page.text).not.toContain(user.email);
      for (const [key, cookie] of (await remembering()).jar)
        if (key.includes('remembered') || key.includes('device')) visitor.jar.set(key, cookie);
      return page;
    },
    see: (page, { uid }) => expect([page.status, uidOf(page), page.isRefused]).toEqual([200, uid, false]),
  },
  'whose browser remembers two accounts': {
    prepare: async () => begin(await remembering(await latchkey.user())),
    see: (page, { uid }) => expect([page.status, uidOf(page), page.isRefused]).toEqual([200, uid, false]),
  },
  'pressed twice, after all is over': {
    async prepare() {
      const begun = await begin();
      const { visitor, page } = begun;
      const asked = await visitor.submit(page, { email: user.email });
      await visitor.submit(asked, { password: user.password });
      return { ...begun, page: asked };
    },
    open: (begun, path) => press(begun, pages[path]!, formsOf(begun.page)[0]!.fields['csrf']!),
    see: (page) => expectGone(page, ['This sign-in is complete.', user.email], 'https://shop.example/'),
  },
  'Back, before anything is proved': {
    prepare: () => begin(),
    async open({ visitor, uid, page }, path) {
      await visitor.submit(page, { email: user.email });
      return visitor.open(at(uid, path));
    },
    see: (page, { uid }) => expect([page.status, uidOf(page), page.isRefused]).toEqual([200, uid, false]),
  },
  'whose address asks for another language': {
    prepare: () => begin(),
    async open({ visitor, uid }, path) {
      visitor.jar.delete('/ latchkey-language');
      return visitor.open(`${at(uid, path)}?ui_locales=de`);
    },
    see(page, { uid }) {
      expect([page.status, uidOf(page)]).toEqual([200, uid]);
      expect(page.text).toContain('<html lang="de"');
    },
  },
  'in another language': {
    async prepare() {
      const begun = await begin();
      await begun.visitor.open(`${begun.page.url}?ui_locales=de`);
      return begun;
    },
    see(page, { uid }) {
      expect([page.status, uidOf(page)]).toEqual([200, uid]);
      expect(page.text).toContain('<html lang="de"');
    },
  },
};

describe.each(Object.keys(states))('a page %s', (state) => {
  const { prepare, open, see } = states[state]!;
  let begun: Begun;
  beforeAll(async () => {
    begun = await prepare();
  });

  test.each(Object.keys(pages))('%s', async (path) => {
    const page = await (open ? open(begun, path) : begun.visitor.open(at(begun.uid, path)));
    see(page, begun);
  });
});

test('every page of a sign-in in the code has its row', () => {
  const src = resolve(import.meta.dirname, '../../../src');
  const files = globSync('**/*routes.ts', { cwd: src }).map((file) => readFileSync(join(src, file), 'utf8'));
  const found = files.flatMap((text) => {
    // The page of a mailed link itself reports the state of the link.
    const named = [...text.matchAll(/\/interaction\/:uid\/([a-z][\w-]*)(?![\w-]|\/:link)/g)].map(([, page]) => page!);
    const constants = /\/interaction\/:uid\/\$\{PAGE\}/.test(text) ? [/const PAGE = '([^']+)'/.exec(text)![1]!] : [];
    return [...named, ...constants];
  });
  const ways = ['email-code', 'sms-code'];
  expect(Object.keys(pages).toSorted()).toEqual([...new Set([...found, ...ways])].toSorted());
});
