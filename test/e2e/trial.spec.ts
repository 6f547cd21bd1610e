import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { password, startTestApp, type TestApp } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { arrive, expectGoodPage, heading, identify, newPerson, type Person, press, reach } from './person.ts';

const administrator = { email: 'noor@fernway.example', password };

let browser: Browser;
let latchkey: TestApp;
let person: Person;
let page: Page;

beforeAll(async () => {
  // The demo and the mailbox belong to the embedded database, whatever the other tests run on.
  [browser, latchkey] = await Promise.all([launchBrowser(), startTestApp({ embedded: true })]);
});
afterAll(async () => {
  await browser?.close();
  await latchkey?.close();
});
afterEach(async () => {
  expect(person.complaints).toEqual([]);
  await person.context.close();
});

async function open(path: string): Promise<void> {
  person = await newPerson(browser);
  page = person.page;
  await page.goto(`${latchkey.base}${path}`);
}

describe('a first trial of Latchkey', () => {
  test('the link in the terminal creates the first administrator, once', async () => {
    const path = (await latchkey.app.setup.openLink()) ?? '';
    await open(path);
    await expectGoodPage(page);
    await page.locator('#name').fill('Noor Haddad');
    await page.locator('#email').fill(administrator.email);
    await page.locator('#password').fill('short');
    await page.locator('#password_again').fill('other');
    await press(page, 'continue');
    await page.getByRole('alert').waitFor();
    expect(await page.locator('#email').inputValue()).toBe(administrator.email);
    expect(await page.locator('#password').inputValue()).toBe('');
    await expectGoodPage(page);
    await page.locator('#password').fill(administrator.password);
    await page.locator('#password_again').fill(administrator.password);
    await press(page, 'continue');
    await page.waitForURL(/\/setup\/done$/);
    await expectGoodPage(page);
    await page.getByRole('link', { name: 'Continue' }).click();
    expect(new URL(page.url()).pathname).toBe('/');

    const again = await page.goto(`${latchkey.base}${path}`);
    expect(again?.status()).toBe(410);
    await expectGoodPage(page);
    expect(await latchkey.app.setup.openLink()).toBeNull();
  });

  test('one click on the demo signs in, and its tokens are shown, refreshed and revoked', async () => {
    await open('/');
    await expectGoodPage(page);
    await page.locator('main a[href="/demo"]').click();
    await expectGoodPage(page);
    await page.locator('main a.primary').click();
    await page.waitForSelector('form[action$="/login"]');
    await identify(page, administrator);
    await arrive(page, latchkey, '/demo');
    expect(await heading(page)).toBe('You’re signed in');
    expect(await page.getByText('Noor Haddad').first().isVisible()).toBe(true);
    await expectGoodPage(page);
    const tokens = () => page.locator('details code').allTextContents();
    const before = await tokens();
    expect(before).toHaveLength(3);
    await press(page, 'refresh');
    await page.getByRole('status').waitFor();
    const after = await tokens();
    // An ID token of the same second has the same bytes; the others never have.
    const opaque = (all: readonly string[]) => all.filter((token) => token.startsWith('lk_'));
    expect(opaque(after)).toHaveLength(2);
    expect(opaque(after).filter((token) => before.includes(token))).toEqual([]);
    await press(page, 'userinfo');
    await page.getByText('The userinfo endpoint responded').waitFor();
    await expectGoodPage(page);

    // Signed in already: nothing but the leave is asked for.
    const second = await person.newTab();
    await second.goto(`${latchkey.base}/demo/sign-in`);
    expect(await second.locator('form[action$="/consent"]').count()).toBeGreaterThan(0);
    await second.close();

    await press(page, 'logout');
    await page.waitForURL(/\/oidc\/logout/);
    await press(page, 'logout');
    await reach(page, (url) => url.href === `${latchkey.base}/demo`);
    await page.locator('main a.primary').click();
    await page.waitForSelector('form[action$="/login"]');
  });

  test('the demo shows the error when the user denies consent', async () => {
    await open('/demo');
    await page.locator('main a.primary').click();
    await identify(page, administrator);
    await page.waitForSelector('form[action$="/consent"]');
    await press(page, 'deny');
    await reach(page, (url) => url.href === `${latchkey.base}/demo`);
    expect(await page.getByRole('alert').innerText()).toContain('access_denied');
    await expectGoodPage(page);
    await page.reload();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  test('unsent mail is in the mailbox', async () => {
    await open('/dev/mailbox');
    expect(await heading(page)).toBe('Mailbox');
    await expectGoodPage(page);
  });

  test.each([
    '/nothing-here',
    '/demo/nothing-here',
    '/interaction/made-up',
    '/interaction/made-up/login',
    '/setup/made-up',
  ])('a missing page is reported on a page: %s', async (path) => {
    await open(path);
    await expectGoodPage(page);
    expect(await page.locator('h1').count()).toBe(1);
  });
});
