import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestUser } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Mails, openMails } from '../support/mails.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';
import {
  arrive,
  expectGoodPage,
  expectRefused,
  heading,
  newPerson,
  type Person,
  press,
  typeCode,
  typeEmail,
} from './person.ts';

let browser: Browser;
let latchkey: TestApp;
let mails: Mails;
let tally: WebApp;
const people: Person[] = [];

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
  await latchkey.run('settings.update', { name: 'signIn.methods', value: 'null' });
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
const withoutPassword = () => latchkey.user({ email_verified: true, password: undefined });

/** At the page for the code, by the quiet link on the page for the password. */
async function askForCode(page: Page, user: TestUser): Promise<void> {
  await page.goto(`${tally.base}/login`);
  await typeEmail(page, user.email);
  await page.getByRole('link', { name: 'Sign in by email' }).click();
  await page.waitForURL(/\/email-code$/);
}

test('a user without a password signs in with the code of the mail', async () => {
  const user = await withoutPassword();
  const page = await someone();
  await askForCode(page, user);
  expect(await heading(page)).toBe('Check your email');
  expect(await page.locator('#code').getAttribute('autocomplete')).toBe('one-time-code');
  await expectGoodPage(page);
  const { code } = await mails.next(user.email, /sign-in code/);

  await typeCode(page, code === '111111' ? '222222' : '111111');
  await expectRefused(page, 'code');
  expect(await page.title()).toMatch(/^Error: /);
  await expectGoodPage(page);

  await page.locator('#code').pressSequentially(`${code.slice(0, 3)} ${code.slice(3)}`);
  await arrive(page, tally);
  expect(await heading(page)).toBe(`Signed in as ${user.email}`);
});

test('or with its link, in the browser that requested it', async () => {
  const user = await withoutPassword();
  const page = await someone();
  await askForCode(page, user);
  const { link } = await mails.next(user.email, /sign-in code/);
  const [{ newTab }] = people as [Person];
  const tab = await newTab();
  await tab.goto(link);
  expect(await heading(tab)).toBe('Sign in with this account?');
  expect(await tab.getByText(user.email).isVisible()).toBe(true);
  await expectGoodPage(tab);
  await press(tab, 'continue');
  await arrive(tab, tally);
  expect(await heading(tab)).toBe(`Signed in as ${user.email}`);
});

test('while another browser sees the account name, and the advice to enter the code in the first browser', async () => {
  const user = await withoutPassword();
  const page = await someone();
  await askForCode(page, user);
  const { link, code } = await mails.next(user.email, /sign-in code/);
  const phone = await someone({ viewport: { width: 390, height: 800 } });
  await phone.goto(link);
  expect(await heading(phone)).toBe('Was this you?');
  expect(await phone.getByText(user.email).isVisible()).toBe(true);
  await expectGoodPage(phone);
  await phone.goto(`${tally.base}/login?prompt=none`);
  expect(await heading(phone)).toBe('Refused: login_required');
  await typeCode(page, code);
  await arrive(page, tally);
  await phone.goto(link);
  expect(await heading(phone)).toBe('This link no longer works');
  await expectGoodPage(phone);
});

test('without passwords the code follows the address, also without JavaScript', async () => {
  await latchkey.run('settings.update', { name: 'signIn.methods', value: '["emailCode"]' });
  const user = await withoutPassword();
  const page = await someone({ javaScriptEnabled: false });
  await page.goto(`${tally.base}/login`);
  await page.locator('#email').fill(user.email);
  await press(page, 'continue');
  await page.waitForURL(/\/email-code$/);
  await press(page, 'resend');
  await page.waitForURL(/\/email-code$/);
  await mails.next(user.email, /sign-in code/);
  const { code } = await mails.next(user.email, /sign-in code/);
  await page.locator('#code').fill(code);
  await press(page, 'continue');
  await arrive(page, tally);
  expect(await heading(page)).toBe(`Signed in as ${user.email}`);
});
