import { readFile } from 'node:fs/promises';
import { generateSync } from 'otplib';
import type { Browser, Page } from 'playwright';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestUser } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Mails, openMails } from '../support/mails.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';
import { Authenticators } from './authenticators.ts';
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
  typeCode,
} from './person.ts';

let browser: Browser;
let latchkey: TestApp;
let tally: WebApp;
let mails: Mails;
const people: Person[] = [];

beforeAll(async () => {
  mails = await openMails();
  [browser, latchkey] = await Promise.all([
    launchBrowser(),
    startTestApp({ env: { ...mails.env, OUTBOUND_ALLOW: '127.0.0.1' }, settings: { 'passkeys.offer': false } }),
  ]);
  tally = await startWebApp(latchkey);
});
afterAll(async () => {
  await browser?.close();
  await tally?.close();
  await latchkey?.close();
  mails?.close();
});
afterEach(async () => {
  for (const { complaints, context } of people.splice(0)) {
    expect(complaints).toEqual([]);
    await context.close();
  }
});

const at = (path: string) => `${latchkey.base}${path}`;
const onPage = (page: Page, path: string) => reach(page, (url) => `${url.pathname}${url.search}`.startsWith(path));
const open = async (page: Page, path: string) => void (await page.goto(at(path)));
const notice = (page: Page) => page.locator('.notice[role=status]').innerText();

async function someone(options = {}): Promise<Page> {
  const person = await newPerson(browser, options);
  people.push(person);
  return person.page;
}
async function signedIn(user: TestUser, options = {}): Promise<Page> {
  const page = await someone(options);
  await open(page, '/account');
  await identify(page, user);
  await onPage(page, '/account');
  return page;
}

describe('the account page', () => {
  test('has a navigation, and every page of it passes axe on a desktop and a phone', async () => {
    const page = await signedIn(await latchkey.user({ name: 'Noor Haddad' }));
    expect(await heading(page)).toBe('Noor Haddad');
    await expectGoodPage(page);
    for (const name of ['Security', 'Devices', 'Connected apps', 'Activity', 'Your data']) {
      await page.getByRole('navigation').getByRole('link', { name }).click();
      expect(await heading(page)).toBe(name);
      await expectGoodPage(page);
    }
  });

  test('changes name, picture, language and appearance, and shows them at once', async () => {
    const page = await signedIn(await latchkey.user());
    await open(page, '/account/profile');
    await expectGoodPage(page);
    await page.getByLabel('Full name').fill('Noor Haddad');
    await page.getByLabel('Appearance').selectOption('dark');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    expect(await notice(page)).toBe('Your changes have been saved.');
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
    const picture = await sharp({ create: { width: 40, height: 30, channels: 3, background: 'teal' } })
      .png()
      .toBuffer();
    await page.getByLabel('Choose a picture').setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer: picture });
    await page.getByRole('button', { name: 'Use this picture' }).click();
    await page.locator('img.face').waitFor();
    expect(await page.locator('img.face').evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(512);
    await page.getByLabel('Language').selectOption('de');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    expect(await heading(page)).toBe('Ihre Angaben');
    await open(page, '/account');
    expect(await heading(page)).toBe('Noor Haddad');
    expect(await page.locator('html').getAttribute('lang')).toBe('de');
  });

  test('adds a passkey, requires it before a rename, and removes it', async () => {
    const user = await latchkey.user();
    const page = await signedIn(user);
    await (await Authenticators.of(page)).add();
    await open(page, '/account/passkeys/new');
    await expectGoodPage(page);
    await page.getByRole('button', { name: 'Create a passkey' }).click();
    await onPage(page, '/account/security');
    expect(await notice(page)).toBe('Your changes have been saved.');
    await mails.next(user.email, /passkey/i);
    await page
      .getByRole('link', { name: /^Change/ })
      .first()
      .click();
    await reach(page, (url) => url.pathname.startsWith('/interaction/'));
    await page.locator('[data-passkey-start]').click();
    await onPage(page, '/account/passkeys/psk_');
    await page.getByLabel('Name').fill('My laptop');
    await press(page, 'continue');
    await onPage(page, '/account/security');
    expect(await page.locator('main').innerText()).toContain('My laptop');
    await page.getByRole('link', { name: 'Change My laptop' }).click();
    await page.getByRole('button', { name: 'Remove passkey' }).click();
    await onPage(page, '/account/security');
    expect(await page.locator('main').innerText()).not.toContain('My laptop');
  });

  test('adds an authenticator app, creates codes, and shows both', async () => {
    const page = await signedIn(await latchkey.user());
    await open(page, '/account/authenticator');
    await expectGoodPage(page);
    await page.getByText('Enter a setup key instead').click();
    const secret = (await page.locator('#totp-key').inputValue()).replaceAll(' ', '');
    await typeCode(page, generateSync({ secret }));
    // The first app comes with codes, which no second proof is asked for.
    await onPage(page, '/account/recovery-codes/show');
    expect(await page.locator('#codes li').count()).toBe(10);
    await expectGoodPage(page);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download' }).click(),
    ]);
    const sheet = await readFile(await download.path(), 'utf8');
    expect(sheet).toContain(await page.locator('#codes li').first().innerText());
    await page.getByLabel('I’ve saved these codes').check();
    await press(page, 'continue');
    await onPage(page, '/account/security');
    expect(await page.locator('main').innerText()).toContain('10 left');
  });

  test.each([
    ['a phone opens the authenticator app, and says where the QR code is', { hasTouch: true, isMobile: true }, true],
    ['a computer shows the QR code', {}, false],
  ])('%s', async (_what, options, isTouched) => {
    const page = await signedIn(await latchkey.user(), options);
    await open(page, '/account/authenticator');
    const link = page.getByRole('link', { name: 'Open in your authenticator app' });
    expect(await link.count()).toBe(1);
    expect(await link.getAttribute('href')).toMatch(/^otpauth:\/\/totp\//);
    const top = async (what: ReturnType<typeof page.locator>) => (await what.boundingBox())!.y;
    expect((await top(link)) < (await top(page.locator('.qr')))).toBe(isTouched);
    await expectGoodPage(page);
  });

  test('changes the password with the current one, and shows errors next to the field', async () => {
    const user = await latchkey.user();
    const page = await signedIn(user);
    await open(page, '/account/password');
    await page.locator('#current').fill('not my password');
    await page.locator('#password').fill('several entirely new words 77');
    await press(page, 'continue');
    expect(await page.title()).toMatch(/^Error: Change password/);
    expect(await page.locator('#current-error').innerText()).toContain('not your current password');
    await expectRefused(page, 'current');
    await page.locator('#current').fill(user.password);
    await page.locator('#password').fill('several entirely new words 77');
    await press(page, 'continue');
    await onPage(page, '/account/security');
    await mails.next(user.email, /password was changed/);
  });

  test('shows another browser, an app, and events; ends them from there', async () => {
    const user = await latchkey.user();
    const there = await signedIn(user);
    await there.goto(`${tally.base}/login`);
    await arrive(there, tally);
    const page = await signedIn(user);
    await open(page, '/account/devices');
    expect(await page.locator('.rows > li').count()).toBe(2);
    await page.getByRole('button', { name: /^Sign out Chrome/ }).click();
    expect(await page.locator('.rows > li').count()).toBe(1);
    await there.reload();
    await open(there, '/account');
    expect(new URL(there.url()).pathname).toMatch(/^\/interaction\//);
    await open(page, '/account/apps');
    await page.getByText(/can see and do/).click();
    await expectGoodPage(page);
    await page.getByRole('button', { name: /^Disconnect/ }).click();
    expect(await page.locator('main').innerText()).toContain('No apps can use your account.');
    await open(page, '/account/activity');
    expect(await page.locator('.line-list').innerText()).toContain('You disconnected Tally');
  });

  test('downloads the data, deletes the account, and keeps it when its owner signs in again', async () => {
    const user = await latchkey.user({ name: 'Noor Haddad' });
    const page = await signedIn(user);
    await page.getByRole('link', { name: 'Your data' }).click();
    await page.getByRole('link', { name: 'Download your data' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download' }).click(),
    ]);
    const data = JSON.parse(await readFile(await download.path(), 'utf8')) as { profile: { name: string } };
    expect(data.profile.name).toBe('Noor Haddad');
    await open(page, '/account/close');
    await expectGoodPage(page);
    await page.locator('#email').fill(user.email);
    await press(page, 'confirm');
    expect(await heading(page)).toBe('Your account is being closed');
    await expectGoodPage(page);
    await page.getByRole('link', { name: 'Keep my account' }).click();
    await identify(page, user);
    await onPage(page, '/account');
    expect(await notice(page)).toContain('Your account won’t be closed');
    await mails.next(user.email, /being closed/);
    await mails.next(user.email, /account won’t be closed/);
  });

  test('works without JavaScript, by forms and links only', async () => {
    const user = await latchkey.user();
    const page = await signedIn(user, { javaScriptEnabled: false });
    await open(page, '/account/profile');
    await page.getByLabel('Full name').fill('Noor');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    expect(await notice(page)).toBe('Your changes have been saved.');
    await open(page, '/account/activity');
    await page.getByRole('link', { name: 'I don’t recognize this activity' }).click();
    await page.getByRole('button', { name: 'Lock my account' }).click();
    await open(page, '/account');
    expect(new URL(page.url()).pathname).toMatch(/^\/interaction\//);
  });
});
