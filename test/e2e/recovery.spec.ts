import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Mails, openMails } from '../support/mails.ts';
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
  typeEmail,
  typePassword,
} from './person.ts';

let browser: Browser;
let latchkey: TestApp;
let mails: Mails;
let tally: WebApp;
const people: Person[] = [];
const fresh = 'granite otter lantern';

beforeAll(async () => {
  mails = await openMails();
  [browser, latchkey] = await Promise.all([launchBrowser(), startTestApp({ env: mails.env })]);
  tally = await startWebApp(latchkey);
});
afterAll(async () => {
  await browser?.close();
  await tally?.close();
  await latchkey?.close();
  mails?.close();
});
afterEach(async () => {
  for (const { context, complaints } of people.splice(0)) {
    expect(complaints).toEqual([]);
    await context.close();
  }
});

async function someone(options = {}): Promise<Page> {
  const person = await newPerson(browser, options);
  people.push(person);
  return person.page;
}

/** At the page for the new password, by the link in the mail. */
async function openReset(page: Page, email: string): Promise<void> {
  await page.getByRole('link', { name: 'Forgot your password?' }).click();
  await page.waitForURL(/\/forgot$/);
  expect(await page.locator('#email').inputValue()).toBe(email);
  await expectGoodPage(page);
  await press(page, 'continue');
  await page.waitForURL(/\/forgot\/sent$/);
  await expectGoodPage(page);
  await page.goto((await mails.next(email, /new password/)).link);
  await page.waitForURL(/\/recovery\/link\/[\w-]{12}$/);
}

test('a user who forgot the password signs in again, and all other sessions end', async () => {
  const user = await latchkey.user({ email_verified: true, name: 'Noor Haddad' });
  const elsewhere = await someone();
  await elsewhere.goto(`${tally.base}/login`);
  await identify(elsewhere, user);
  await arrive(elsewhere, tally);

  const page = await someone();
  await page.goto(`${tally.base}/login`);
  await typeEmail(page, user.email);
  await openReset(page, user.email);
  expect(await heading(page)).toBe('Choose a new password');
  expect(await page.getByText(user.email).isVisible()).toBe(true);
  await expectGoodPage(page);

  await typePassword(page, 'aaaaaaaaaaaaaaaaaa');
  await expectRefused(page, 'password');
  expect(await page.getByText('Avoid repeated words and characters.').isVisible()).toBe(true);
  expect(await page.getByLabel('Password strength').getAttribute('value')).toBe('0');
  expect(await page.locator('#password').inputValue()).toBe('');
  await expectGoodPage(page);

  await typePassword(page, fresh);
  await page.waitForURL(/\/forgot\/done$/);
  expect(await heading(page)).toBe('Your password has been changed');
  await expectGoodPage(page);
  await page.getByRole('link', { name: 'Go to sign-in' }).click();
  await page.waitForURL(/\/password$/);
  await typePassword(page, fresh);
  await arrive(page, tally);
  expect(await heading(page)).toBe(`Signed in as ${user.email}`);

  await elsewhere.goto(`${tally.base}/login?prompt=none`);
  expect(await heading(elsewhere)).toBe('Refused: login_required');
  expect((await mails.next(user.email, /was changed/)).text).toContain('If this wasn’t you');
});

test('a used link says so and leads to a new one', async () => {
  const user = await latchkey.user({ email_verified: true });
  const page = await someone();
  await page.goto(`${latchkey.base}/recovery`);
  await page.locator('#email').fill(user.email);
  await press(page, 'continue');
  await page.waitForURL(/\/recovery\/sent$/);
  await expectGoodPage(page);
  const { link } = await mails.next(user.email, /new password/);
  await page.goto(link);
  await typePassword(page, fresh);
  await page.waitForURL(/\/recovery\/done$/);
  await expectGoodPage(page);
  await page.goto(link);
  expect(await heading(page)).toBe('This link no longer works');
  await expectGoodPage(page);
  await page.getByRole('link', { name: 'Send a new link' }).click();
  await page.waitForURL(/\/recovery$/);
  await expectGoodPage(page);
});

test('the mail is in the language of its owner, and its button leads to the form', async () => {
  const user = await latchkey.user({ email_verified: true, locale: 'de' });
  const page = await someone({ locale: 'de-DE', javaScriptEnabled: false });
  await page.goto(`${latchkey.base}/recovery`);
  expect(await heading(page)).toBe('Passwort vergessen?');
  await page.locator('#email').fill(user.email);
  await press(page, 'continue');
  const mail = await mails.next(user.email, /^Neues Passwort/);
  await page.goto('about:blank');
  await page.setContent(mail.html);
  await page.getByRole('link', { name: 'Neues Passwort wählen' }).click();
  await page.waitForURL(/\/recovery\/link\/[\w-]{12}$/);
  await page.locator('#password').fill(fresh);
  await press(page, 'continue');
  await page.waitForURL(/\/recovery\/done$/);
  expect(await heading(page)).toBe('Ihr Passwort wurde geändert');
});

test('an operator’s demand for a new password is met during the sign-in', async () => {
  const user = await latchkey.user({ email_verified: true });
  await latchkey.run('users.require_password', { user_id: user.id });
  const page = await someone();
  await page.goto(`${tally.base}/login`);
  await identify(page, user);
  await page.waitForURL(/\/new-password$/);
  await expectGoodPage(page);
  await typePassword(page, fresh);
  await arrive(page, tally);
  expect(await heading(page)).toBe(`Signed in as ${user.email}`);
});
