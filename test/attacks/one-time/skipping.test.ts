/**
 * No control of a sign-in skips a proof: back, another way, a new start, a new code, another language, a second tab, a page by
 * its address. Random walks over all of them; what must be true of the sign-in follows from what was proved alone.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { codeBack, walk } from '../../support/mfa.ts';
import { formsOf, type Page, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let client: TestClient;
let user: TestUser;

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({
    env: { ...mails.env, TRUSTED_PROXIES: '127.0.0.1' },
    settings: {
      'limits.passwordFailuresPerAddress': 100_000,
      'limits.passwordFreeFailures': 100_000,
      'limits.passwordMaximumFailures': 100_000,
      'mfa.enforcement': 'required',
    },
  });
  client = await latchkey.client({ first_party: true });
  user = await walk(latchkey, client).withApp({ email_verified: true });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

/** Pages that are open with no proof or with the first factor only. */
const beforeProof = /\/(login|password|passkey|email-code|sms-code|forgot(\/sent)?)$/;
const afterProof = /\/(second-factor(\/.*)?|passkey|login|forgot(\/sent)?)$/;
const pages = [
  '',
  'login',
  'password',
  'passkey',
  'email-code',
  'sms-code',
  'forgot',
  'forgot/sent',
  'forgot/done',
  'account',
  'consent',
  'create',
  'second-factor',
  'second-factor/another-way',
  'second-factor/recovery-code',
  'second-factor/email',
  'enrol-factor',
  'enrol-factor/totp',
  'enrol-factor/passkey',
  'recovery-codes',
  'new-password',
  'verify-email',
  'terms',
  'profile',
  'offer-passkey',
  'email-link/Zk3yN7sLw5pRd1gHf6uAe9iXo2vKq0E4Tj2mQ8xVb0c',
] as const;
const wrong = {
  email: () => user.email,
  password: 'not this one, sorry',
  code: '000000',
  remember: '1',
  credential: '{}',
  failure: 'cancelled',
  who: 'anyone',
  account: 'another',
  method: 'totp',
  name: 'x',
  action: 'skip',
};

/** The same steps for the same seed (mulberry32). */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % sides;
  };
}

class Walker {
  readonly visitor = new Visitor({ 'x-forwarded-for': '198.51.100.9' });
  readonly #roll: (sides: number) => number;
  readonly trail: string[] = [];
  #uids: string[] = [];
  #csrf = '';

  constructor(seed: number) {
    this.#roll = dice(seed);
  }

  /** A sign-in as a relying party begins it; more than one stand for tabs. */
  async start(): Promise<string> {
    const page = await this.#see(await this.visitor.open(walk(latchkey, client).url()));
    this.#uids = [...this.#uids, /interaction\/([^/]+)/.exec(page.url)![1]!].slice(-3);
    return this.#uids.at(-1)!;
  }

  at(uid: string, page: string): string {
    return `${latchkey.base}/interaction/${uid}${page === '' ? '' : `/${page}`}`;
  }

  async step(): Promise<Page> {
    const uid = this.#uids[this.#roll(this.#uids.length)]!;
    const page = pages[this.#roll(pages.length)]!;
    const url = this.at(uid, page) + ['', '?ui_locales=de', '?x=1'][this.#roll(3)]!;
    switch (this.#roll(8)) {
      case 0:
        await this.start();
        return this.look(uid);
      case 1:
      case 2:
      case 3:
        this.trail.push(`GET ${page}`);
        return this.#see(await this.visitor.open(url));
      case 4: {
        // A form with every field that any form has, and nothing right in it.
        this.trail.push(`POST ${page}`);
        return this.#post(this.at(uid, page));
      }
      case 5:
        this.trail.push(`POST ${page}/resend`);
        return this.#post(`${this.at(uid, page)}/resend`);
      default: {
        const shown = await this.#see(await this.visitor.open(url));
        const [form] = formsOf(shown);
        this.trail.push(`submit ${page}`);
        return form ? this.#post(form.action) : shown;
      }
    }
  }

  async look(uid: string): Promise<Page> {
    return this.#see(await this.visitor.open(this.at(uid, '')));
  }

  async identify(uid: string): Promise<Page> {
    const page = await this.visitor.open(this.at(uid, 'login'));
    return this.visitor.submit(page, { email: user.email });
  }

  async #post(url: string): Promise<Page> {
    const form = { ...wrong, email: wrong.email(), csrf: this.#csrf };
    const answer = await this.visitor.request(url, { form });
    return this.#see(answer.location ? await this.visitor.open(answer.location) : answer);
  }

  async #see(page: Page): Promise<Page> {
    this.#csrf = formsOf(page)[0]?.fields['csrf'] ?? this.#csrf;
    expect(page.status, this.trail.join('\n')).toBeLessThan(500);
    return page;
  }
}

const SEEDS = [1, 2, 3];
const STEPS = 30;

describe.each(SEEDS)('a walk over every control (seed %i)', (seed) => {
  test('that proves nothing reaches no later step', async () => {
    const walker = new Walker(seed);
    await walker.start();
    for (let i = 0; i < STEPS; i += 1) {
      const page = await walker.step();
      expect(codeBack(page), walker.trail.join('\n')).toBeNull();
    }
    const uid = await walker.start();
    await walker.identify(uid);
    const page = await walker.look(uid);
    expect(new URL(page.url).pathname).toMatch(beforeProof);
  });

  test('that proves the password stops at the second factor', async () => {
    const walker = new Walker(seed + 100);
    const uid = await walker.start();
    await walker.identify(uid);
    const asked = await walker.visitor.open(walker.at(uid, 'password'));
    const proved = await walker.visitor.submit(asked, { password: user.password });
    expect(new URL(proved.url).pathname).toMatch(/\/second-factor\/totp$/);
    for (let i = 0; i < STEPS; i += 1) {
      const page = await walker.step();
      expect(codeBack(page), walker.trail.join('\n')).toBeNull();
    }
    const page = await walker.look(uid);
    const { pathname } = new URL(page.url);
    expect(afterProof.test(pathname) || beforeProof.test(pathname), `${pathname}\n${walker.trail.join('\n')}`).toBe(
      true,
    );
    const silent = await walker.visitor.request(walk(latchkey, client).url({ prompt: 'none' }));
    expect(new URL(silent.location!).searchParams.get('error')).toBe('login_required');
  });
});

describe('two first factors do not count as two factors', () => {
  const path = (page: Page) => new URL(page.url).pathname.replace(/\/interaction\/[^/]+/, '');

  test('a code by mail after the password is neither requested nor accepted', async () => {
    const walker = new Walker(7);
    const uid = await walker.start();
    await walker.identify(uid);
    await walker.visitor.open(walker.at(uid, 'email-code'));
    const { code, link } = await mails.next(user.email, /sign-in code/);
    await walker.visitor.submit(await walker.visitor.open(walker.at(uid, 'password')), { password: user.password });

    const { csrf } = formsOf(await walker.look(uid))[0]!.fields;
    const typed = await walker.visitor.open(walker.at(uid, 'email-code'), { csrf: csrf!, code });
    expect(path(typed)).toBe('/second-factor/totp');
    expect(path(await walker.visitor.open(link))).toBe('/second-factor/totp');
    const pressed = await walker.visitor.open(link, { csrf: csrf!, action: 'continue' });
    expect(path(pressed)).toBe('/second-factor/totp');
  });

  test('a password after a code by mail does not count either', async () => {
    const walker = new Walker(8);
    const uid = await walker.start();
    await walker.identify(uid);
    const asked = await walker.visitor.open(walker.at(uid, 'email-code'));
    const page = await walker.visitor.submit(asked, { code: (await mails.next(user.email, /sign-in code/)).code });
    expect(path(page)).toBe('/second-factor/totp');
    const { csrf } = formsOf(page)[0]!.fields;
    const form = { csrf: csrf!, password: user.password };
    expect(path(await walker.visitor.open(walker.at(uid, 'password'), form))).toBe('/second-factor/totp');
  });

  test('a session with one does not become a session with two by the other', async () => {
    await latchkey.run('settings.update', { name: 'mfa.enforcement', value: '"off"' });
    const person = await latchkey.user({ email_verified: true });
    const walker = new Walker(9);
    await walker.visitor.signIn(walk(latchkey, client).url(), person);
    const claims = JSON.stringify({ id_token: { acr: { essential: true, values: ['urn:latchkey:acr:2'] } } });
    const asked = await walker.visitor.open(walk(latchkey, client).url({ claims, prompt: '' }));
    const uid = /interaction\/([^/]+)/.exec(asked.url)![1]!;
    expect(path(asked)).toMatch(/^\/enrol-factor/);
    for (const page of ['email-code', 'password', 'sms-code'])
      expect(path(await walker.visitor.open(walker.at(uid, page)))).toMatch(/^\/enrol-factor/);
    await latchkey.run('settings.update', { name: 'mfa.enforcement', value: '"required"' });
  });
});
