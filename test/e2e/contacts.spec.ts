/** Addresses and numbers in a real browser: proving the first one on the way in, others in the account, and taking a change back. */
import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestUser } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Mails, openMails } from '../support/mails.ts';
import { openSmsGateway, type SmsGateway } from '../support/sms-gateway.ts';
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
  typeCode,
} from './person.ts';

let browser: Browser;
let mails: Mails;
let gateway: SmsGateway;
let latchkey: TestApp;
let tally: WebApp;
const people: Person[] = [];

beforeAll(async () => {
  [browser, mails, gateway] = await Promise.all([launchBrowser(), openMails(), openSmsGateway()]);
  latchkey = await startTestApp({
    env: { ...mails.env, ...gateway.env },
    settings: { 'verification.email': 'required', 'sms.countries': ['1'], 'passkeys.offer': false },
  });
  tally = await startWebApp(latchkey);
});
afterAll(async () => {
  await browser?.close();
  await tally?.close();
  await latchkey?.close();
  mails?.close();
  gateway?.close();
});
afterEach(async () => {
  for (const { complaints, context } of people.splice(0)) {
    expect(complaints).toEqual([]);
    await context.close();
  }
});

async function someone(options = {}): Promise<Page> {
  const person = await newPerson(browser, options);
  people.push(person);
  return person.page;
}

/** Signed in at a page of the account. */
async function at(path: string, user: TestUser, options = {}): Promise<Page> {
  const page = await someone(options);
  await page.goto(`${latchkey.base}/account/${path}`);
  await identify(page, user);
  await reach(page, (url) => url.pathname === `/account/${path}`);
  return page;
}
const rows = (page: Page): Promise<string[]> =>
  page.locator('.rows .row .grow').evaluateAll((found) => found.map((row) => (row as HTMLElement).innerText));

describe('a user with an unverified email address', () => {
  test('enters the code of the mail and returns to the application', async () => {
    const user = await latchkey.user();
    const page = await someone();
    await page.goto(`${tally.base}/login`);
    await identify(page, user);
    await reach(page, ({ pathname }) => pathname.endsWith('/verify-email'));
    expect(await heading(page)).toBe('Check your email');
    await expectGoodPage(page);
    await typeCode(page, '000000');
    await expectRefused(page, 'code');
    await expectGoodPage(page);
    await typeCode(page, (await mails.next(user.email)).code);
    await arrive(page, tally);
  });

  test('opens the link in the same browser, without JavaScript', async () => {
    const user = await latchkey.user();
    const page = await someone({ javaScriptEnabled: false });
    await page.goto(`${tally.base}/login`);
    await identify(page, user);
    const { link } = await mails.next(user.email);
    await page.goto(link);
    expect(page.url()).not.toContain('token');
    expect(await heading(page)).toBe('Verify your email address');
    await press(page, 'confirm');
    await arrive(page, tally);
  });

  test('sees where to continue when the link is opened in another browser', async () => {
    const user = await latchkey.user();
    const page = await someone();
    await page.goto(`${tally.base}/login`);
    await identify(page, user);
    const { link } = await mails.next(user.email);
    const other = await someone();
    await other.goto(link);
    expect(await heading(other)).toBe('This link doesn’t work here');
    await expectGoodPage(other);
  });
});

describe('on the account page', () => {
  test('an address is added and made primary, and the previous one is notified and can undo it', async () => {
    const user = await latchkey.user({ email_verified: true });
    const page = await at('emails', user);
    await expectGoodPage(page);
    const other = `other-${user.email}`;
    await page.locator('#email').fill(other);
    await page.getByRole('button', { name: 'Send code' }).click();
    await reach(page, ({ pathname }) => pathname === '/account/emails/confirm/address');
    await expectGoodPage(page);
    await page.goto((await mails.next(other)).link);
    expect(await page.locator('main').innerText()).toContain(`Add ${other} to the account of ${user.email}?`);
    await expectGoodPage(page);
    await press(page, 'confirm');
    await page.getByRole('status').waitFor();
    await mails.next(user.email, /added/);
    await page.getByRole('button', { name: `Make primary ${other}` }).click();
    await reach(page, ({ search }) => search === '?done=saved');
    expect((await rows(page))[0]).toContain(other);

    const { link } = await mails.next(user.email, /was changed/);
    const old = await someone();
    await old.goto(link);
    expect(await heading(old)).toBe('Undo the change');
    await expectGoodPage(old);
    await press(old, 'confirm');
    await reach(old, ({ pathname }) => pathname === '/verification/reverted');
    await expectGoodPage(old);
    await page.goto(`${latchkey.base}/account/emails`);
    expect(new URL(page.url()).pathname).toMatch(/^\/interaction\//);
  });

  test('another address becomes primary, and the old one signs in until the new one is verified', async () => {
    const user = await latchkey.user({ email_verified: true });
    const page = await at('emails', user);
    await page.getByRole('link', { name: 'Change email address' }).click();
    await expectGoodPage(page);
    const wanted = `wanted-${user.email}`;
    await page.locator('#email').fill(wanted);
    await press(page, 'continue');
    await reach(page, ({ pathname }) => pathname === '/account/emails/confirm/change');
    const still = await someone();
    await still.goto(`${tally.base}/login`);
    await identify(still, user);
    await arrive(still, tally);
    await typeCode(page, (await mails.next(wanted)).code);
    await reach(page, ({ search }) => search === '?done=saved');
    expect(await rows(page)).toEqual([expect.stringContaining(wanted) as string]);
  });

  test('a number is verified by the code of a text message, without JavaScript', async () => {
    const user = await latchkey.user({ email_verified: true });
    const page = await at('phones', user, { javaScriptEnabled: false });
    await page.locator('#phone').fill('+1 202 555 0142');
    await press(page, 'continue');
    expect(await heading(page)).toBe('Check your phone');
    await page.locator('#code').fill(await gateway.codeFor('+12025550142'));
    await press(page, 'continue');
    expect(await rows(page)).toEqual([expect.stringContaining('+12025550142') as string]);
  });
});
