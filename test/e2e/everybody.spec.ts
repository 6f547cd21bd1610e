import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestUser } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';
import { arrive, heading, identify, newPerson, type Person, press, reach, typeEmail } from './person.ts';

/** Size limits of the first page of a sign-in: document, styles, script, icon and font, as transferred. */
const FIRST_PAGE_BYTES = 60 * 1024;

let browser: Browser;
let latchkey: TestApp;
let tally: WebApp;
let user: TestUser;
let person: Person;

beforeAll(async () => {
  [browser, latchkey] = await Promise.all([launchBrowser(), startTestApp()]);
  tally = await startWebApp(latchkey);
  user = await latchkey.user({ name: 'Noor Haddad' });
});
afterAll(async () => {
  await browser?.close();
  await tally?.close();
  await latchkey?.close();
});
afterEach(async () => {
  expect(person.complaints).toEqual([]);
  await person.context.close();
});

async function someone(options = {}): Promise<Page> {
  person = await newPerson(browser, options);
  return person.page;
}

describe('every user can sign in', () => {
  test('without JavaScript, and sign out again', async () => {
    const page = await someone({ javaScriptEnabled: false });
    await page.goto(`${tally.base}/login`);
    await identify(page, { ...user, password: 'not this one, sorry' });
    expect(await page.title()).toMatch(/^Error: /);
    await page.locator('#password').fill(user.password);
    await press(page, 'continue');
    await arrive(page, tally);
    expect(await heading(page)).toBe(`Signed in as ${user.email}`);
    await page.goto(`${tally.base}/logout`);
    await press(page, 'logout');
    await reach(page, (url) => url.origin === tally.base || url.pathname === '/oidc/logout/confirm');
    // Where the engine would post a page by script, it has a button for who has none.
    if (new URL(page.url()).origin !== tally.base) await page.locator('button').click();
    await reach(page, (url) => url.href === `${tally.base}/`);
    await page.goto(`${tally.base}/login?prompt=none`);
    expect(await heading(page)).toBe('Refused: login_required');
  });

  test('with the keyboard alone', async () => {
    const page = await someone();
    const { keyboard } = page;
    const focused = (): Promise<string> =>
      page.evaluate(
        () => document.activeElement?.id || (document.activeElement as HTMLButtonElement | null)?.value || '',
      );
    const tabTo = async (name: string): Promise<void> => {
      for (let stops = 0; stops < 12 && (await focused()) !== name; stops += 1) await keyboard.press('Tab');
      expect(await focused()).toBe(name);
    };
    await page.goto(`${tally.base}/login?prompt=consent`);
    await tabTo('email');
    await keyboard.type(user.email);
    await keyboard.press('Enter');
    await page.waitForURL(/\/password$/);
    await tabTo('password');
    await keyboard.type(user.password);
    await tabTo('continue');
    await keyboard.press('Space');
    await page.waitForSelector('form[action$="/consent"]');
    await tabTo('allow');
    await keyboard.press('Enter');
    await reach(page, (url) => url.href === `${tally.base}/`);
    expect(await heading(page)).toBe(`Signed in as ${user.email}`);
  });

  test.each([
    {
      title: 'in German, by what the browser asks for',
      options: { locale: 'de-AT' },
      query: '',
      says: 'Bei Tally anmelden',
    },
    { title: 'in German, by what the app asks for', options: {}, query: '?ui_locales=de', says: 'Bei Tally anmelden' },
    {
      title: 'in English, where the language is not spoken',
      options: { locale: 'sv-SE' },
      query: '',
      says: 'Sign in to Tally',
    },
  ])('$title', async ({ options, query, says }) => {
    const page = await someone(options);
    await page.goto(`${tally.base}/login${query}`);
    expect(await heading(page)).toBe(says);
    await typeEmail(page, user.email);
    const language = says.startsWith('Bei') ? 'de' : 'en';
    expect(await page.locator('html').getAttribute('lang')).toBe(language);
  });

  test('and change the language on the way, without losing the sign-in', async () => {
    const page = await someone();
    await page.goto(`${tally.base}/login`);
    await page.locator('#email').fill('noor@fernw');
    await page.locator('.languages summary').click();
    await page.getByRole('link', { name: 'Deutsch' }).click();
    expect(await heading(page)).toBe('Bei Tally anmelden');
    expect(await page.locator('#email').inputValue()).toBe('noor@fernw');
    await identify(page, user);
    await arrive(page, tally);
    expect(await heading(page)).toBe(`Signed in as ${user.email}`);
  });

  test('on a slow line: the first page is small', async () => {
    const page = await someone();
    const session = await person.context.newCDPSession(page);
    await session.send('Network.enable');
    const sizes: Record<string, number> = {};
    const names: Record<string, string> = {};
    session.on('Network.responseReceived', ({ requestId, response }) => {
      if (response.url.startsWith(latchkey.base)) names[requestId] = new URL(response.url).pathname;
    });
    session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      const name = names[requestId];
      if (name !== undefined) sizes[name] = encodedDataLength;
    });
    await page.goto(`${tally.base}/login`, { waitUntil: 'networkidle' });
    const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
    expect(Object.keys(sizes).length).toBeGreaterThan(3);
    expect(total, JSON.stringify(sizes)).toBeLessThanOrEqual(FIRST_PAGE_BYTES);
  });

  test('and return: unchanged files are loaded once', async () => {
    const page = await someone();
    await page.goto(`${tally.base}/login`, { waitUntil: 'networkidle' });
    const domains = page.waitForEvent('requestfinished', (request) => request.url().includes('/assets/suggest.'));
    await page.locator('#email').fill(user.email);
    await domains;
    const fromWire: string[] = [];
    page.on('requestfinished', async (request) => {
      const { responseBodySize } = await request.sizes().catch(() => ({ responseBodySize: 0 }));
      if (request.url().includes('/assets/') && responseBodySize > 0) fromWire.push(request.url());
    });
    await typeEmail(page, user.email);
    await page.waitForLoadState('networkidle');
    expect(fromWire).toEqual([]);
  });
});
