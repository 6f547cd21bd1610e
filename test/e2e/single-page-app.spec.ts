import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestUser } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { type SinglePageApp, startSinglePageApp } from '../support/spa.ts';
import { arrive, heading, identify, newPerson, type Person, reach } from './person.ts';

type App = { token(): Promise<string | null>; renew(): Promise<string>; loseRefreshToken(): Promise<void> };

let browser: Browser;
let latchkey: TestApp;
let ledger: SinglePageApp;
let user: TestUser;
let person: Person;

beforeAll(async () => {
  [browser, latchkey] = await Promise.all([launchBrowser(), startTestApp()]);
  ledger = await startSinglePageApp(latchkey);
  user = await latchkey.user();
});
afterAll(async () => {
  await browser?.close();
  await ledger?.close();
  await latchkey?.close();
});
afterEach(async () => {
  vi.useRealTimers();
  expect(person.complaints).toEqual([]);
  await person.context.close();
});

async function signedIn(): Promise<Page> {
  person = await newPerson(browser);
  const { page } = person;
  await page.goto(`${ledger.base}/`);
  await page.locator('#login').click();
  await page.waitForSelector('form[action$="/login"]');
  await identify(page, user);
  await arrive(page, ledger);
  await expect.poll(() => heading(page)).toBe(`Signed in as ${user.email}`);
  return page;
}

const tokenOf = (page: Page): Promise<string | null> =>
  page.evaluate(() => (globalThis as unknown as { app: App }).app.token());
const renew = (page: Page): Promise<string> => page.evaluate(() => (globalThis as unknown as { app: App }).app.renew());

describe('a single-page app', () => {
  test('signs a user in, and reads tokens and userinfo across origins', async () => {
    const page = await signedIn();
    expect(await tokenOf(page)).toMatch(/^lk_at_/);
  });

  test('renews in a hidden frame by prompt=none, as long as the session lasts', async () => {
    const page = await signedIn();
    const before = await tokenOf(page);
    const frames: string[] = [];
    page.on('framenavigated', (frame) => {
      if (frame !== page.mainFrame()) frames.push(frame.url());
    });
    expect(await renew(page)).toBe('renewed');
    expect(frames.every((url) => url === 'about:blank' || url.startsWith(`${ledger.base}/callback?`))).toBe(true);
    expect(await tokenOf(page)).not.toBe(before);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61 * 60 * 1000 });
    expect(await renew(page)).toBe('login_required');
  });

  test('signs out and is redirected back', async () => {
    const page = await signedIn();
    await page.locator('#logout').click();
    await page.waitForURL(/\/oidc\/logout/);
    await page.locator('button[value=logout]').click();
    await reach(page, (url) => url.href === `${ledger.base}/`);
    await expect.poll(() => heading(page)).toBe('Nobody is signed in');
    expect(await renew(page)).toBe('login_required');
  });
});

describe('a single-page app with a refresh token', () => {
  let books: SinglePageApp;
  beforeAll(async () => {
    books = await startSinglePageApp(latchkey, 'openid email offline_access', { prompt: 'consent' });
  });
  afterAll(() => books?.close());

  test('renews with it, without a frame, and falls back to the frame without it', async () => {
    person = await newPerson(browser);
    const { page } = person;
    await page.goto(`${books.base}/`);
    await page.locator('#login').click();
    await page.waitForSelector('form[action$="/login"]');
    await identify(page, user);
    await arrive(page, books);
    await expect.poll(() => heading(page)).toBe(`Signed in as ${user.email}`);
    const posted: string[] = [];
    page.on('request', (request) => {
      if (request.method() === 'POST')
        posted.push(new URLSearchParams(request.postData() ?? '').get('grant_type') ?? '');
    });
    const first = await tokenOf(page);
    expect(await renew(page)).toBe('renewed');
    expect(await renew(page)).toBe('renewed');
    expect(await tokenOf(page)).not.toBe(first);
    await page.evaluate(() => (globalThis as unknown as { app: App }).app.loseRefreshToken());
    expect(await renew(page)).toBe('renewed');
    expect(posted).toEqual(['refresh_token', 'refresh_token', 'authorization_code']);
  });
});
