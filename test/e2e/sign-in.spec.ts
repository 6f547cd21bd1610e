import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestUser } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';
import {
  arrive,
  expectGoodPage,
  expectRefused,
  heading,
  identify,
  newPerson,
  type Person,
  press,
  reach,
  typeEmail,
  typePassword,
} from './person.ts';

let browser: Browser;
let latchkey: TestApp;
let tally: WebApp;
let other: WebApp;
let noor: TestUser;
let person: Person;
const people: Person[] = [];

beforeAll(async () => {
  [browser, latchkey] = await Promise.all([launchBrowser(), startTestApp()]);
  noor = await latchkey.user({ name: 'Noor Haddad' });
  tally = await startWebApp(latchkey);
  other = await startWebApp(latchkey, { name: 'Almanac' });
});
afterAll(async () => {
  await browser?.close();
  await Promise.all([tally?.close(), other?.close()]);
  await latchkey?.close();
});
afterEach(async () => {
  vi.useRealTimers();
  for (const { context, complaints } of people.splice(0)) {
    expect(complaints).toEqual([]);
    await context.close();
  }
});

async function someone(options = {}): Promise<Page> {
  person = await newPerson(browser, options);
  people.push(person);
  return person.page;
}

/** Signed in at a relying party, having allowed what it asks for. */
async function signedIn(page: Page, rp: WebApp, user: TestUser): Promise<void> {
  await page.goto(`${rp.base}/login`);
  await identify(page, user);
  await arrive(page, rp);
}

const later = (milliseconds: number): void =>
  void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + milliseconds });
const seenAt = (page: Page, rp: WebApp): Promise<string> => page.goto(`${rp.base}/`).then(() => heading(page));

describe('the page for the address', () => {
  test('keeps what was typed when the language changes, in no address, and once', async () => {
    const page = await someone();
    await page.goto(`${tally.base}/login`);
    await page.locator('#email').fill(noor.email);
    const changeTo = async (language: string) => {
      await page.locator('.languages summary').click();
      await page.getByRole('link', { name: language }).click();
    };
    await changeTo('Deutsch');
    await expect.poll(() => page.locator('html').getAttribute('lang')).toBe('de');
    await expect.poll(() => page.locator('#email').inputValue()).toBe(noor.email);
    expect(decodeURIComponent(page.url())).not.toContain(noor.email);
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    await page.reload();
    expect(await page.locator('#email').inputValue()).toBe('');
  });

  test.each([
    ['ada@gmail.con', 'ada@gmail.com'],
    ['Ada.L@gmial.com', 'Ada.L@gmail.com'],
    ['ada@hotmai.com', 'ada@hotmail.com'],
    ['ada@yahooo.com', 'ada@yahoo.com'],
    ['ada@example.con', 'ada@example.com'],
    ['ada@gmail.com', null],
    ['ada@ymail.com', null],
    ['ada@line.com', null],
    ['ada@example.org', null],
    ['ada', null],
  ])('suggests for %s: %s', async (typed, meant) => {
    const page = await someone();
    await page.goto(`${tally.base}/login`);
    const hint = page.locator('[data-script-url*="suggest"]');
    await page.locator('#email').fill(typed);
    // The domains are here, and the button that they need.
    await hint.locator('button').waitFor({ state: 'attached' });
    await page.locator('#email').blur();
    if (meant === null) return expect(await hint.isVisible()).toBe(false);
    expect(await hint.innerText()).toBe(`Did you mean ${meant}?`);
    await expectGoodPage(page);
    await hint.getByRole('button').click();
    expect([await page.locator('#email').inputValue(), await hint.isVisible()]).toEqual([meant, false]);
    return undefined;
  });
});

describe('a relying party signs a user in', () => {
  test('by address, password and consent, and refreshes its tokens later', async () => {
    const page = await someone();
    const user = await latchkey.user({ name: 'Ada Field' });
    // OpenID Connect Core §11: a refresh token for offline use is given with the person's leave.
    await page.goto(`${tally.base}/login?prompt=consent`);
    expect(await heading(page)).toBe('Sign in to Tally');
    await expectGoodPage(page);
    await typeEmail(page, user.email);
    expect(await page.getByText(user.email).isVisible()).toBe(true);
    await expectGoodPage(page);
    await typePassword(page, user.password);
    await page.waitForSelector('form[action$="/consent"]');
    expect(await heading(page)).toContain('Tally');
    await expectGoodPage(page);
    await press(page, 'allow');
    await page.waitForURL(`${tally.base}/`);
    expect(await heading(page)).toBe(`Signed in as ${user.email}`);

    const token = await page.locator('#access').innerText();
    await page.goto(`${tally.base}/refresh`);
    expect(await heading(page)).toBe(`Signed in as ${user.email}`);
    expect(await page.locator('#access').innerText()).not.toBe(token);
  });

  test('without a page when the user is signed in and consented before', async () => {
    const page = await someone();
    await signedIn(page, tally, noor);
    const asked: string[] = [];
    page.on('framenavigated', (frame) => asked.push(frame.url()));
    await page.goto(`${tally.base}/login`);
    expect(await heading(page)).toBe(`Signed in as ${noor.email}`);
    expect(asked).toEqual([`${tally.base}/`]);
  });

  test('not when the user denies consent', async () => {
    const page = await someone();
    const user = await latchkey.user();
    await page.goto(`${tally.base}/login`);
    await identify(page, user);
    await page.waitForSelector('form[action$="/consent"]');
    await press(page, 'deny');
    await page.waitForURL(`${tally.base}/`);
    expect(await heading(page)).toBe('Refused: access_denied');
  });

  test('and never mixes up two tabs in which two users sign in to two apps at once', async () => {
    const first = await someone();
    const second = await person.newTab();
    const ada = await latchkey.user();
    await first.goto(`${tally.base}/login`);
    await second.goto(`${other.base}/login`);
    await typeEmail(first, noor.email);
    await typeEmail(second, ada.email);
    await typePassword(second, ada.password);
    await second.waitForSelector('form[action$="/consent"]');
    await typePassword(first, noor.password);
    await arrive(first, tally);
    expect(await heading(first)).toBe(`Signed in as ${noor.email}`);
    // The browser belongs to another person now: what was begun for Ada must not be finished for Noor.
    await press(second, 'allow');
    await second.waitForLoadState();
    const seen = await seenAt(second, other);
    expect(seen).not.toContain(noor.email);
    expect(await seenAt(first, tally)).toBe(`Signed in as ${noor.email}`);
  });

  test('in the browser of another user, whose session ends, without a question in between', async () => {
    const ada = await latchkey.user();
    await signedIn(await someone(), tally, ada);
    const page = await someone();
    await signedIn(page, tally, noor);
    await page.goto(`${tally.base}/login?prompt=login`);
    await page.waitForSelector('form[action$="/password"]');
    await page.getByRole('link', { name: 'Use another account' }).click();
    await identify(page, ada);
    await reach(page, (url) => url.href === `${tally.base}/`);
    expect(await heading(page)).toBe(`Signed in as ${ada.email}`);
    await page.goto(`${tally.base}/login?prompt=none`);
    expect(await heading(page)).toBe(`Signed in as ${ada.email}`);
  });

  test('in two tabs of one user that ask at once', async () => {
    const first = await someone();
    const second = await person.newTab();
    await first.goto(`${tally.base}/login`);
    await second.goto(`${other.base}/login`);
    for (const [page, rp] of [
      [first, tally],
      [second, other],
    ] as const) {
      await identify(page, noor);
      await arrive(page, rp);
      expect(await heading(page)).toBe(`Signed in as ${noor.email}`);
    }
  });
});

describe('a wrong password', () => {
  test('is reported at its field, which has the focus, and the address stays', async () => {
    const page = await someone();
    await page.goto(`${tally.base}/login`);
    await identify(page, { email: noor.email, password: 'not this one, sorry' });
    await expectRefused(page, 'password');
    expect(await page.title()).toMatch(/^Error: /);
    expect(await page.locator('#password').inputValue()).toBe('');
    expect(await page.getByText(noor.email).isVisible()).toBe(true);
    await expectGoodPage(page);
    await page.keyboard.type(noor.password);
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => !url.pathname.endsWith('/password'));
  });

  test('reads the same for an unknown address', async () => {
    const page = await someone();
    const texts: string[] = [];
    for (const email of [noor.email, 'pnobody@example.com']) {
      await page.goto(`${tally.base}/login`);
      await identify(page, { email, password: 'not this one, sorry' });
      await expectRefused(page, 'password');
      texts.push((await page.locator('main').innerText()).replace(email, 'ADDRESS'));
    }
    expect(texts[0]).toBe(texts[1]);
  });

  test('delays the next try after several, says until when, and then accepts the right one', async () => {
    const page = await someone();
    const user = await latchkey.user();
    await page.goto(`${tally.base}/login`);
    await typeEmail(page, user.email);
    for (let tries = 0; tries < 6 && (await page.locator('#password').count()) > 0; tries += 1) {
      await typePassword(page, `wrong ${tries}`);
      await page.locator('#password[aria-invalid=true], [role=alert]').waitFor();
    }
    expect(await page.locator('#password').count()).toBe(0);
    expect(await page.locator('time').count()).toBeGreaterThan(0);
    await expectGoodPage(page);
    later(10 * 60 * 1000);
    await page.getByRole('link', { name: 'Try again' }).click();
    await typePassword(page, user.password);
    await page.waitForSelector('form[action$="/consent"]');
  });
});

describe('a session', () => {
  test('answers prompt=none without a page, or says that there is none (OpenID Connect Core §3.1.2.6)', async () => {
    const page = await someone();
    await page.goto(`${tally.base}/login?prompt=none`);
    expect(await heading(page)).toBe('Refused: login_required');
    await signedIn(page, tally, noor);
    await page.goto(`${tally.base}/login?prompt=none`);
    expect(await heading(page)).toBe(`Signed in as ${noor.email}`);
    await page.goto(`${other.base}/login?prompt=none&scope=openid+email+phone`);
    expect(await heading(page)).toBe('Refused: consent_required');
  });

  test('ends after its idle time', async () => {
    const page = await someone();
    await signedIn(page, tally, noor);
    later(50 * 60 * 1000);
    await page.goto(`${tally.base}/login?prompt=none`);
    expect(await heading(page)).toBe(`Signed in as ${noor.email}`);
    later(61 * 60 * 1000);
    await page.goto(`${tally.base}/login`);
    expect(await heading(page)).toBe('Sign in to Tally');
  });

  test('is authenticated again when the relying party wants a fresh sign-in (max_age)', async () => {
    const page = await someone();
    await signedIn(page, tally, noor);
    later(60 * 1000);
    await page.goto(`${tally.base}/login?max_age=30`);
    await page.locator('#email, #password').waitFor();
    expect(new URL(page.url()).origin).toBe(latchkey.base);
  });

  test('is one of several accounts to choose from with prompt=select_account', async () => {
    const page = await someone();
    await signedIn(page, tally, noor);
    await page.goto(`${tally.base}/login?prompt=select_account`);
    expect(await page.getByRole('button', { name: noor.email }).isVisible()).toBe(true);
    await expectGoodPage(page);
    await page.getByRole('button', { name: noor.email }).click();
    await page.waitForURL(`${tally.base}/`);
    expect(await heading(page)).toBe(`Signed in as ${noor.email}`);
  });
});

describe('a request that must not redirect', () => {
  test.each([
    { title: 'an app that is not known', change: { client_id: 'made-up' }, says: /app/i },
    {
      title: 'a redirect URI that nobody registered',
      change: { redirect_uri: 'https://evil.example/cb' },
      says: /redirect|address/i,
    },
  ])('shows a page for $title', async ({ change, says }) => {
    const page = await someone();
    const to = new URL(`${latchkey.base}/oidc/auth`);
    to.search = new URLSearchParams({
      client_id: tally.client.client_id,
      redirect_uri: `${tally.base}/callback`,
      response_type: 'code',
      scope: 'openid',
      ...change,
    }).toString();
    const answer = await page.goto(to.href);
    expect(answer?.status()).toBe(400);
    expect(await page.locator('main').innerText()).toMatch(says);
    expect(await page.locator('a[href^="https:"]').count()).toBe(0);
    await expectGoodPage(page);
  });

  test('shows a page for a sign-in that this browser no longer has', async () => {
    const page = await someone();
    await page.goto(`${tally.base}/login`);
    const { context } = person;
    await context.clearCookies();
    const answer = await page.goto(page.url());
    expect(answer?.status()).toBeGreaterThanOrEqual(400);
    await expectGoodPage(page);
  });
});
