import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestUser } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Mails, openMails } from '../support/mails.ts';
import { codeOf, step } from '../support/mfa.ts';
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
  typeCode,
  typePassword,
} from './person.ts';

let browser: Browser;
let mails: Mails;
let latchkey: TestApp;
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
  vi.useRealTimers();
  for (const { complaints, context } of people.splice(0)) {
    expect(complaints).toEqual([]);
    await context.close();
  }
});

const later = (milliseconds: number): void =>
  void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + milliseconds });
const set = (name: string, value: unknown) => latchkey.run('settings.update', { name, value: JSON.stringify(value) });

async function someone(options = {}): Promise<Page> {
  const person = await newPerson(browser, options);
  people.push(person);
  return person.page;
}

/** At the page that follows the password. A signed-in user does not enter the email address. */
async function atSecondStep(page: Page, user: TestUser, isKnown = false): Promise<void> {
  await page.goto(`${tally.base}/login?prompt=login`);
  if (isKnown) await typePassword(page, user.password);
  else await identify(page, user);
}

const codes = async (page: Page): Promise<string[]> => page.locator('.codes li').allInnerTexts();

describe.each([
  ['', {}],
  [', without JavaScript', { javaScriptEnabled: false }],
] as const)('a user who must have a second factor%s', (_title, options) => {
  test('adds an app, downloads the recovery codes, and uses both from then on', async () => {
    await set('mfa.enforcement', 'required');
    const isScripted = !('javaScriptEnabled' in options);
    const enter = async (code: string, button = 'continue'): Promise<void> => {
      await typeCode(page, code);
      if (!isScripted) await press(page, button);
    };
    const page = await someone(options);
    const user = await latchkey.user();
    await atSecondStep(page, user);
    await page.waitForURL(/\/enrol-factor$/);
    expect(await heading(page)).toBe('Protect your account');
    if (isScripted) await expectGoodPage(page);
    await page.getByRole('button', { name: 'Authenticator app' }).click();
    await page.waitForURL(/\/enrol-factor\/totp$/);
    if (isScripted) await expectGoodPage(page);
    const key = (await page.locator('#totp-key').getAttribute('value')) ?? '';
    expect(await page.getByRole('img', { name: 'QR code for your authenticator app' }).isVisible()).toBe(true);
    await enter(codeOf(key, -10), 'confirm');
    await page.locator('#code[aria-invalid=true]').waitFor();
    if (isScripted) await expectRefused(page, 'code');
    expect(await page.title()).toMatch(/^Error: /);
    await enter(codeOf(key), 'confirm');

    await page.waitForURL(/\/recovery-codes$/);
    if (isScripted) await expectGoodPage(page);
    const shown = await codes(page);
    expect(shown).toHaveLength(10);
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByText('Download').click()]);
    const file = await readFile(await download.path(), 'utf8');
    expect(shown.filter((code) => !file.includes(code))).toEqual([]);
    await press(page, 'continue');
    await page.locator('#saved[aria-invalid=true]').waitFor();
    await page.getByText('I’ve saved these codes').click();
    await press(page, 'continue');
    await arrive(page, tally);

    later(2 * step);
    await atSecondStep(page, user, true);
    await page.waitForURL(/\/second-factor\/totp$/);
    expect(await heading(page)).toBe('Enter the code from your app');
    if (isScripted) await expectGoodPage(page);
    await enter(codeOf(key));
    await arrive(page, tally);

    await atSecondStep(page, user, true);
    await page.getByText('Try another way').click();
    if (isScripted) await expectGoodPage(page);
    await page.getByRole('button', { name: 'Recovery code' }).click();
    await page.waitForURL(/\/recovery-code$/);
    await page.locator('#code').fill(shown[0] ?? '');
    await press(page, 'continue');
    await arrive(page, tally);
    await set('mfa.enforcement', 'optional');
  });
});

test('codes are copied and printed by a script', async () => {
  await set('mfa.enforcement', 'required');
  const page = await someone();
  // A test cannot read the clipboard or a print.
  await page.addInitScript(`
    navigator.clipboard.writeText = async (text) => void (document.documentElement.dataset.copied = text);
    window.print = () => void (document.documentElement.dataset.printed = 'yes');
  `);
  await atSecondStep(page, await latchkey.user());
  await page.getByRole('button', { name: 'Authenticator app' }).click();
  const key = (await page.locator('#totp-key').getAttribute('value')) ?? '';
  await typeCode(page, codeOf(key));
  await page.waitForURL(/\/recovery-codes$/);
  await page.getByRole('button', { name: 'Copy' }).click();
  await page.getByText('Copied').waitFor();
  const copied = (await page.locator('html').getAttribute('data-copied')) ?? '';
  expect(copied.split(/\s+/)).toEqual(await codes(page));
  await page.getByRole('button', { name: 'Print' }).click();
  expect(await page.locator('html').getAttribute('data-printed')).toBe('yes');
  await set('mfa.enforcement', 'optional');
});

test('a trusted browser is not asked again, and five wrong codes pause all others', async () => {
  const user = await latchkey.user();
  const secret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
  await latchkey.app.database.transaction((em) =>
    latchkey.app.credentials.totp.import(em, user.id as never, { secret }),
  );
  const page = await someone();
  await atSecondStep(page, user);
  await page.getByText('Trust this browser for 30 days').click();
  await typeCode(page, codeOf(secret));
  await arrive(page, tally);
  await atSecondStep(page, user, true);
  await arrive(page, tally);

  const stranger = await someone();
  await atSecondStep(stranger, user);
  for (let i = 0; i < 6 && (await stranger.locator('#code').count()) > 0; i += 1)
    await Promise.all([stranger.waitForEvent('load'), typeCode(stranger, `00000${i}`)]);
  await stranger.getByRole('heading', { level: 1, name: 'Too many incorrect codes' }).waitFor();
  await expectGoodPage(stranger);
  expect((await mails.next(user.email, /Incorrect codes/)).text).toContain('If this wasn’t you, lock your account now');
});

test('a code by mail is sent on request, and can be pasted in any form', async () => {
  await set('mfa.emailCodes', true);
  await set('mfa.enforcement', 'required');
  const user = await latchkey.user();
  const page = await someone();
  await atSecondStep(page, user);
  await page.waitForURL(/\/second-factor\/email$/);
  expect(await heading(page)).toBe('Get a code by email');
  await expectGoodPage(page);
  await press(page, 'continue');
  await page.waitForURL(/\/second-factor\/email\/code$/);
  await expectGoodPage(page);
  const { code } = await mails.next(user.email, /is your .*code/);
  await typeCode(page, `${code.slice(0, 3)} ${code.slice(3)}`);
  await arrive(page, tally);
  await set('mfa.emailCodes', false);
  await set('mfa.enforcement', 'optional');
});
