import type { Browser, BrowserContextOptions, Page } from 'playwright';
import { generateSync } from 'otplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { Authenticators } from './authenticators.ts';
import { expectGoodPage, expectRefused, heading, newPerson, type Person, press, reach, typeCode } from './person.ts';

const email = 'noor@fernway.example';
const firstPassword = 'seven quiet lanterns by the pier';
const secondPassword = 'nine loud herons on the weir';

let browser: Browser;
let latchkey: TestApp;
const people: Person[] = [];

beforeAll(async () => {
  // As in a trial: the embedded database, with mails shown in the browser.
  [browser, latchkey] = await Promise.all([launchBrowser(), startTestApp({ embedded: true })]);
});
afterAll(async () => {
  for (const { context } of people) await context.close();
  await browser?.close();
  await latchkey?.close();
});

async function newBrowser(options: BrowserContextOptions = {}): Promise<Page> {
  const person = await newPerson(browser, options);
  people.push(person);
  // The prompt in the field would be answered by an authenticator before anybody presses a button.
  await person.context.addInitScript(
    'if (globalThis.PublicKeyCredential) PublicKeyCredential.isConditionalMediationAvailable = async () => false;',
  );
  return person.page;
}

const at = (page: Page, path: string | RegExp) =>
  reach(page, ({ pathname }) => (typeof path === 'string' ? pathname === path : path.test(pathname)));
const passkeyButton = (page: Page) => page.locator('[data-passkey-start]').first();

/** The newest mail whose subject fits, opened in the mailbox in another tab. */
async function openMail(page: Page, subject: RegExp): Promise<Page> {
  const tab = await page.context().newPage();
  const row = tab.locator('a.row').filter({ hasText: subject }).first();
  await expect
    .poll(
      async () => {
        await tab.goto(`${latchkey.base}/dev/mailbox`);
        return row.count();
      },
      { timeout: 10_000, interval: 100 },
    )
    .toBeGreaterThan(0);
  await row.click();
  await tab.waitForURL(/\/dev\/mailbox\/.+/);
  return tab;
}

async function codeInMail(page: Page, subject: RegExp): Promise<string> {
  const mail = await openMail(page, subject);
  const code = /\b(\d{3})\s?(\d{3})\b/.exec(await heading(mail));
  await mail.close();
  if (!code) throw new Error('no code in the subject');
  return `${code[1]}${code[2]}`;
}

async function linkInMail(page: Page, subject: RegExp): Promise<string> {
  const mail = await openMail(page, subject);
  const link = await mail.locator('main ul a.row').first().getAttribute('href');
  await mail.close();
  if (link === null) throw new Error('no link in the mail');
  return link;
}

/** Follows whatever the product offers on the way, leaving it for another time. */
async function skipOffers(page: Page, to: string): Promise<void> {
  await reach(page, ({ pathname }) => pathname === to || /\/(offer-passkey|enrol-factor)$/.test(pathname));
  if (new URL(page.url()).pathname === to) return;
  await page.locator('button[name=action][value=skip]').click();
  await skipOffers(page, to);
}

/** Typed once more where what one wants to do asks for it. */
async function proveAgain(page: Page, path: string): Promise<void> {
  await reach(page, ({ pathname }) => pathname === path || pathname.startsWith('/interaction/'));
  if (new URL(page.url()).pathname === path) return;
  await passkeyButton(page).click();
  await at(page, path);
}

describe('an account, from its first day to its last', () => {
  let page: Page;
  let keys: Authenticators;
  let phone: Page;

  test('is created with a passkey only', async () => {
    page = await newBrowser();
    keys = await Authenticators.of(page);
    await keys.add();
    await page.goto(`${latchkey.base}/account`);
    await page.getByRole('link', { name: 'Create account' }).click();
    await page.locator('#name').fill('Noor Haddad');
    await page.locator('#email').fill(email);
    await page.locator('button[name=method][value=passkey]').click();
    await typeCode(page, await codeInMail(page, /code|confirm/i));
    await passkeyButton(page).click();
    await at(page, '/account');
    expect(await heading(page)).toBe('Noor Haddad');
    await expectGoodPage(page);
  });

  test('gets a second passkey on another key', async () => {
    await keys.add({ transport: 'usb' });
    await page.goto(`${latchkey.base}/account/passkeys/new`);
    await proveAgain(page, '/account/passkeys/new');
    await passkeyButton(page).click();
    await at(page, '/account/security');
    expect(await page.locator('section[aria-labelledby=passkeys] li').count()).toBe(2);
    await expectGoodPage(page);
  });

  let key = '';
  test('gets an authenticator app and recovery codes', async () => {
    await page.goto(`${latchkey.base}/account/authenticator`);
    await proveAgain(page, '/account/authenticator');
    key = (await page.locator('#totp-key').inputValue()).replaceAll(' ', '');
    await typeCode(page, generateSync({ secret: key }));
    await at(page, '/account/recovery-codes/show');
    expect(await page.locator('.codes li').count()).toBe(10);
    await expectGoodPage(page);
    await page.locator('#saved').check();
    await press(page, 'continue');
    await at(page, '/account/security');
    expect(await page.locator('main').innerText()).toContain('10');
  });

  test('gets a password, which is forgotten and reset by mail', async () => {
    await page.goto(`${latchkey.base}/account/password`);
    await proveAgain(page, '/account/password');
    await page.locator('#password').fill(firstPassword);
    await press(page, 'continue');
    await at(page, '/account/security');

    phone = await newBrowser({
      userAgent: 'Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/147.0 Mobile Safari/537.36',
    });
    await phone.goto(`${latchkey.base}/account`);
    await phone.locator('#email').fill(email);
    await press(phone, 'continue');
    await phone.getByRole('link', { name: /Forgot/ }).click();
    await press(phone, 'continue');
    const link = await linkInMail(phone, /password/i);
    await phone.goto(link);
    expect(phone.url()).toMatch(/\/recovery\/link\/[\w-]{12}$/);
    expect(phone.url()).not.toContain(link.slice(link.lastIndexOf('/') + 1));
    await phone.locator('#password').fill(secondPassword);
    await press(phone, 'continue');
    await at(phone, /\/forgot\/done$/);
    // Earlier sessions are signed out, and the new password alone is not enough: there is a second factor.
    await page.goto(`${latchkey.base}/account`);
    await at(page, /^\/interaction\/[^/]+$/);
    await page.locator('form[action$="/login"] #email').waitFor();
  });

  test('is signed in in two browsers, and one ends the other’s session', async () => {
    await phone.getByRole('link', { name: 'Go to sign-in' }).click();
    await phone.locator('#password').fill(firstPassword);
    await press(phone, 'continue');
    await expectRefused(phone, 'password');
    await phone.locator('#password').fill(secondPassword);
    await press(phone, 'continue');
    await at(phone, /\/second-factor/);
    await phone.getByRole('link', { name: /another way/i }).click();
    await phone.locator('[value=totp]').first().click();
    // The step in which the app was added is used up.
    await typeCode(phone, generateSync({ secret: key, epoch: Math.floor(Date.now() / 1000) + 30 }));
    await skipOffers(phone, '/account');

    await passkeyButton(page).click();
    await at(page, '/account');
    await page.goto(`${latchkey.base}/account/devices`);
    expect(await page.locator('main').innerText()).toContain('Android');
    expect(await page.locator('ul.rows > li').count()).toBe(2);
    await expectGoodPage(page);
    await page.locator('button[value=logout]').click();
    await at(page, '/account/devices');
    expect(await page.locator('ul.rows > li').count()).toBe(1);
    await phone.goto(`${latchkey.base}/account`);
    await at(phone, /^\/interaction\//);
  });

  test('has notified its owner of each change by mail', async () => {
    const tab = await page.context().newPage();
    await tab.goto(`${latchkey.base}/dev/mailbox`);
    const subjects = (await tab.locator('a.row').allInnerTexts()).join('\n');
    for (const said of [
      /passkey was added/i,
      /authenticator app was added/i,
      /recovery codes/i,
      /password/i,
      /New sign-in/,
    ])
      expect(subjects).toMatch(said);
    await tab.close();
  });

  test('speaks another language when asked', async () => {
    await page.goto(`${latchkey.base}/account/profile`);
    await page.locator('select[name=language]').selectOption('de');
    await page.locator('form:has(select[name=language]) button.primary').click();
    await reach(page, ({ pathname }) => pathname.startsWith('/account'));
    expect(await page.locator('html').getAttribute('lang')).toBe('de');
    await page.goto(`${latchkey.base}/account/security`);
    expect(await page.locator('html').getAttribute('lang')).toBe('de');
    await expectGoodPage(page);
  });

  test('is deleted at its owner’s request', async () => {
    await page.goto(`${latchkey.base}/account/close`);
    await proveAgain(page, '/account/close');
    await page.locator('#email').fill(email);
    await press(page, 'confirm');
    await at(page, '/account/closed');
    await expectGoodPage(page);
    const { users } = await latchkey.run<{ users: { email: string }[] }>('users.list');
    expect(users.map((user) => user.email)).toContain(email);
    await page.goto(`${latchkey.base}/account`);
    await at(page, /^\/interaction\//);
  });

  test('causes no error on the way', () => {
    for (const { complaints } of people) expect(complaints).toEqual([]);
  });
});
