import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';

let browser: Browser;
let latchkey: TestApp;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  [browser, latchkey] = await Promise.all([launchBrowser(), startTestApp()]);
  const administrator = await latchkey.user({ administrator: true });
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
  page = await context.newPage();
  await page.goto(`${latchkey.base}/branding/preview`);
  await page.locator('#email').fill(administrator.email);
  await page.locator('button[value="continue"]').click();
  await page.locator('#password').fill(administrator.password);
  await page.locator('button[value="continue"]').click();
  await page.waitForURL(/\/branding\/preview/);
});
afterAll(async () => {
  await browser?.close();
  await latchkey?.close();
});

describe('an administrator who previews a brand', () => {
  test('sees real pages in the proposed brand, and all others see the present one', async () => {
    await page.locator('#name').fill('Kestrel');
    await page.locator('#color').fill('#0f7b6c');
    await page.locator('#radius').selectOption('round');
    await page.locator('#font').selectOption('figtree');
    await page.locator('#language').selectOption('de');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.waitForURL(/name=Kestrel/);
    const frame = page.frameLocator('iframe[title="sign-in/login/password, plain"]');
    await page.locator('iframe[title="sign-in/login/password, plain"]').scrollIntoViewIfNeeded();
    const button = frame.locator('.btn.primary');
    await button.waitFor();
    expect(await frame.locator('html').getAttribute('lang')).toBe('de');
    expect(await frame.locator('.logo').innerText()).toBe('Kestrel');
    await expect.poll(() => button.evaluate((element) => getComputedStyle(element).borderRadius)).toBe('14px');
    expect(await button.evaluate((element) => getComputedStyle(element).backgroundColor)).toBe('rgb(15, 123, 108)');
    expect(await button.evaluate((element) => getComputedStyle(element).fontFamily)).toMatch(/^Figtree/);
    expect(await page.locator('.logo').innerText()).toBe('Latchkey');
    const visitor = await browser.newPage();
    await visitor.goto(`${latchkey.base}/nothing`);
    expect(await visitor.title()).toContain('· Latchkey');
    await visitor.close();
  });

  test('can press nothing in those pages, and the keyboard skips them', async () => {
    expect(await page.locator('iframe:not([inert][sandbox="allow-same-origin"])').count()).toBe(0);
    await page.locator('a[href*="view=sign-in%2Flogin%2Fpassword"]').first().focus();
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('A');
  });

  test('cannot be framed by other sites', async () => {
    const elsewhere = await context.newPage();
    await elsewhere.route('https://evil.example/**', (route) =>
      route.fulfill({
        contentType: 'text/html',
        body: `<iframe src="${latchkey.base}/branding/preview/frame?view=sign-in/login/password&sample=plain"></iframe>`,
      }),
    );
    await elsewhere.goto('https://evil.example/');
    const inside = () => elsewhere.frames().find((frame) => frame.parentFrame() !== null);
    await expect.poll(() => inside()?.url()).toBe('chrome-error://chromewebdata/');
    await elsewhere.close();
  });
});
