import type { Browser, BrowserContextOptions, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Mails, openMails } from '../support/mails.ts';
import { findUser, freshEmail, strong } from '../support/registration.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';
import { Authenticators } from './authenticators.ts';
import {
  arrive,
  expectGoodPage,
  expectRefused,
  heading,
  newPerson,
  type Person,
  press,
  reach,
  typeCode,
} from './person.ts';

let browser: Browser;
let mails: Mails;
let latchkey: TestApp;
let tally: WebApp;
const people: Person[] = [];

beforeAll(async () => {
  mails = await openMails();
  [browser, latchkey] = await Promise.all([
    launchBrowser(),
    startTestApp({
      env: { ...mails.env, OUTBOUND_ALLOW: '127.0.0.1' },
      settings: { 'passkeys.offer': false, 'limits.accountsPerAddress': 1000 },
    }),
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
  for (const [name, value] of Object.entries(defaults)) await set(name, value);
  for (const { complaints, context } of people.splice(0)) {
    expect(complaints).toEqual([]);
    await context.close();
  }
});

const defaults: Record<string, unknown> = {
  'registration.mode': 'open',
  'risk.proofOfWork': 'pressure',
  'registration.termsVersion': null,
  'profile.properties': [],
  'branding.termsUrl': null,
  'branding.privacyUrl': null,
};
const set = (name: string, value: unknown) => latchkey.run('settings.update', { name, value: JSON.stringify(value) });
const at = (page: Page, path: RegExp) => reach(page, ({ pathname }) => path.test(pathname));

async function someone(options: BrowserContextOptions = {}): Promise<Page> {
  const person = await newPerson(browser, options);
  people.push(person);
  // The prompt in the field would be answered by an authenticator before anybody presses a button.
  await person.context.addInitScript(
    'if (globalThis.PublicKeyCredential) PublicKeyCredential.isConditionalMediationAvailable = async () => false;',
  );
  return person.page;
}

/** The addresses below which the page sends forms from now on. */
function postsOf(page: Page, path: RegExp): string[] {
  const posts: string[] = [];
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (request.method() === 'POST' && path.test(pathname)) posts.push(pathname);
  });
  return posts;
}

/** As far as the page for the code. */
async function toCode(page: Page, email: string, password: string | null = strong): Promise<void> {
  await page.goto(`${tally.base}/login?prompt=create`);
  await page.locator('#name').fill('Noor Haddad');
  await page.locator('#email').fill(email);
  if (password === null) await page.locator('button[name=method][value=passkey]').click();
  else {
    await page.locator('#password').fill(password);
    await press(page, 'continue');
  }
  await at(page, /\/create\/check$/);
}

describe('registration', () => {
  test('begins at the link on the first page, and works with the keyboard alone', async () => {
    const page = await someone();
    await page.goto(`${tally.base}/login`);
    await page.getByRole('link', { name: 'Create account' }).click();
    expect(await heading(page)).toBe('Create your Latchkey account');
    await expectGoodPage(page);

    const email = freshEmail();
    await page.locator('#name').focus();
    await page.keyboard.type('Noor Haddad');
    await page.keyboard.press('Tab');
    await page.keyboard.type('noor at fernway');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    expect(await page.title()).toMatch(/^Error: /);
    expect(await page.locator('#name').inputValue()).toBe('Noor Haddad');
    await expectGoodPage(page);
    await page.getByRole('alert').getByRole('link').first().focus();
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('email');
    await page.keyboard.press('Control+A');
    await page.keyboard.type(email);
    await page.keyboard.press('Tab');
    await page.keyboard.type(strong);
    await page.keyboard.press('Enter');

    await at(page, /\/create\/check$/);
    await expectGoodPage(page);
    await page.locator('#code').focus();
    await page.keyboard.type('000 000');
    await expectRefused(page, 'code');
    await expectGoodPage(page);
    const { code } = await mails.next(email);
    const sent = postsOf(page, /\/create\/check$/);
    await page.keyboard.type(`${code.slice(0, 3)} ${code.slice(3)}`);
    await arrive(page, tally);
    expect(sent).toHaveLength(1);
    expect(await heading(page)).toBe(`Signed in as ${email}`);
  });

  test('sees how long and how strong the password is while it is typed, and can read it', async () => {
    const page = await someone();
    await page.goto(`${tally.base}/login?prompt=create`);
    const email = freshEmail();
    await page.locator('#name').fill('Noor Haddad');
    await page.locator('#email').fill(email);
    const [field, live, show] = [
      page.locator('#password'),
      page.locator('.live'),
      page.locator('[data-reveal=password]'),
    ];
    expect(await live.isVisible()).toBe(false);
    await field.pressSequentially('nine char');
    await expect.poll(() => live.innerText()).toContain('9 of 15 characters');
    await field.fill(strong);
    await expect.poll(() => live.innerText()).toMatch(/^Long enough\s+Strong/);
    await expectGoodPage(page);

    const shown = async () => [await show.getAttribute('aria-pressed'), await field.getAttribute('type')];
    expect(await shown()).toEqual(['false', 'password']);
    await show.click();
    expect(await shown()).toEqual(['true', 'text']);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('password');
    await show.click();
    expect(await shown()).toEqual(['false', 'password']);
    await show.click();

    // The keyboard of a test has no Caps Lock: the events say that it is on.
    const caps = page.locator('[data-caps]');
    expect(await caps.innerText()).toBe('');
    await field.dispatchEvent('keydown', { key: 'A', modifierCapsLock: true });
    expect(await caps.innerText()).toBe('Caps Lock is on');
    await expectGoodPage(page);
    await field.dispatchEvent('keyup', { key: 'CapsLock', modifierCapsLock: false });
    expect(await caps.innerText()).toBe('');

    expect(await shown()).toEqual(['true', 'text']);
    await page.evaluate(() => {
      document.addEventListener('submit', () =>
        sessionStorage.setItem('sent-as', document.querySelector<HTMLInputElement>('#password')!.type),
      );
    });
    await press(page, 'continue');
    await at(page, /\/create\/check$/);
    expect(await page.evaluate(() => sessionStorage.getItem('sent-as'))).toBe('password');

    // A code that is pasted as the mail shows it is sent once, too.
    const { code } = await mails.next(email);
    const sent = postsOf(page, /\/create\/check$/);
    await page.locator('#code').focus();
    await page.keyboard.insertText(`${code.slice(0, 3)} ${code.slice(3)}`);
    await arrive(page, tally);
    expect(sent).toHaveLength(1);
  });

  test('with a passkey asks for no password, and that passkey signs in', async () => {
    const page = await someone();
    const keys = await Authenticators.of(page);
    const key = await keys.add();
    const email = freshEmail();
    await toCode(page, email, null);
    await typeCode(page, (await mails.next(email)).code);
    await at(page, /\/first-passkey$/);
    await expectGoodPage(page);
    await page.locator('[data-passkey-start]').click();
    await arrive(page, tally);
    expect(await keys.credentials(key)).toHaveLength(1);
    expect(
      await latchkey.app.database.sql(
        'select 1 from password_credential where user_id = (select id from users where email = $1)',
        [email],
      ),
    ).toEqual([]);

    await page.context().clearCookies();
    await page.goto(`${tally.base}/login`);
    await page.locator('[data-passkey-start]').click();
    await arrive(page, tally);
    expect(await heading(page)).toBe(`Signed in as ${email}`);
  });

  test('without JavaScript works by the link of the mail, and says that passkeys need it', async () => {
    const page = await someone({ javaScriptEnabled: false });
    const email = freshEmail();
    await toCode(page, email);
    const { link } = await mails.next(email);
    await page.goto(link);
    expect(await page.locator('main').innerText()).toContain(email);
    await press(page, 'continue');
    await page.locator('button[value=allow]').click();
    await page.waitForURL(`${tally.base}/`);

    const other = await someone({ javaScriptEnabled: false });
    const second = freshEmail();
    await toCode(other, second, null);
    await other.locator('#code').fill((await mails.next(second)).code);
    await press(other, 'continue');
    expect(await other.locator('main').innerText()).toContain('Passkeys need JavaScript');
    await other.getByRole('link', { name: 'Choose a password instead' }).click();
    await other.locator('#password').fill(strong);
    await press(other, 'continue');
    await other.locator('button[value=allow]').click();
    await other.waitForURL(`${tally.base}/`);
  });

  test('solves the proof of work during an attack, without a click', async () => {
    await set('risk.proofOfWork', 'always');
    const page = await someone();
    const email = freshEmail();
    await toCode(page, email);
    await typeCode(page, (await mails.next(email)).code);
    await arrive(page, tally);
  });

  test('is not completed in another browser, which says where to continue', async () => {
    const page = await someone();
    const email = freshEmail();
    await toCode(page, email);
    const { link, code } = await mails.next(email);
    const elsewhere = await someone();
    await elsewhere.goto(link);
    expect(await heading(elsewhere)).toBe('Continue where you started');
    await expectGoodPage(elsewhere);
    expect(await findUser(latchkey, email)).toBeUndefined();
    await typeCode(page, code);
    await arrive(page, tally);
  });

  test('shows the operator’s fields, on a phone, and escapes text', async () => {
    await set('branding.termsUrl', 'https://fernway.example/terms');
    await set('branding.privacyUrl', 'https://fernway.example/privacy');
    await set('registration.termsVersion', '1');
    await set('profile.properties', [
      { name: 'team', type: 'text', label: '<b onclick="alert(1)">Team</b>', required: true },
      { name: 'start', type: 'date', label: 'First day', registration: true },
      { name: 'plan', type: 'choice', label: 'Plan', registration: true, choices: [{ value: 'a', label: '<i>A</i>' }] },
      { name: 'news', type: 'boolean', label: 'Send me news', registration: true },
    ]);
    const page = await someone({ viewport: { width: 390, height: 780 } });
    const email = freshEmail();
    await page.goto(`${tally.base}/login?prompt=create`);
    await expectGoodPage(page);
    await page.locator('#name').fill('<script>alert(1)</script>');
    await page.locator('#email').fill(email);
    await page.locator('#password').fill(strong);
    await page.evaluate(() => document.querySelector('form')!.setAttribute('novalidate', ''));
    await press(page, 'continue');
    await page.getByRole('alert').waitFor();
    await expectGoodPage(page);
    await page.getByLabel('<b onclick="alert(1)">Team</b>').fill('Looms');
    await page.getByLabel('First day (optional)').fill('2026-12-01');
    await page.getByLabel('Plan (optional)').selectOption({ label: '<i>A</i>' });
    await page.getByLabel('Send me news').check();
    await page.getByLabel('I agree to').check();
    await page.locator('#password').fill(strong);
    await press(page, 'continue');
    await at(page, /\/create\/check$/);
    await typeCode(page, (await mails.next(email)).code);
    await arrive(page, tally);
    expect(await findUser(latchkey, email)).toMatchObject({
      properties: { team: 'Looms', start: '2026-12-01', plan: 'a', news: true },
      terms_version: '1',
    });

    // An existing user is asked during the sign-in.
    const user = await latchkey.user({ email_verified: true });
    const other = await someone();
    await other.goto(`${tally.base}/login`);
    await other.locator('#email').fill(user.email);
    await press(other, 'continue');
    await other.locator('#password').fill(user.password);
    await press(other, 'continue');
    await at(other, /\/terms$/);
    await expectGoodPage(other);
    await press(other, 'allow');
    await at(other, /\/profile$/);
    await expectGoodPage(other);
    await other.getByLabel('<b onclick="alert(1)">Team</b>').fill('Looms');
    await press(other, 'continue');
    await arrive(other, tally);
  });
});

describe('with a restricted mode', () => {
  test('users wait, are invited, and register with their link', async () => {
    await set('registration.mode', 'waitlist');
    const page = await someone();
    const email = freshEmail();
    await page.goto(`${tally.base}/login?prompt=create`);
    await at(page, /^\/waitlist$/);
    await expectGoodPage(page);
    await page.locator('#name').fill('Noor Haddad');
    await page.locator('#email').fill(email);
    await press(page, 'continue');
    await at(page, /^\/waitlist\/check$/);
    await expectGoodPage(page);
    await typeCode(page, (await mails.next(email)).code);
    await at(page, /^\/waitlist\/done$/);
    await expectGoodPage(page);

    await latchkey.run('waitlist.invite', { first: 1 });
    const later = await someone();
    await later.goto((await mails.next(email, /invitation/i)).link);
    await expectGoodPage(later);
    await press(later, 'continue');
    await later.waitForSelector('form[action$="/create"]');
    expect(await later.locator('main').innerText()).toContain(email);
    await expectGoodPage(later);
    await later.locator('#name').fill('Noor Haddad');
    await later.locator('#password').fill(strong);
    await press(later, 'continue');
    await at(later, /^\/account$/);
    expect(await later.locator('body').innerText()).toContain(email);
  });

  test('all others see a page with the reason', async () => {
    await set('registration.mode', 'invitation');
    const page = await someone();
    await page.goto(`${tally.base}/login?prompt=create`);
    expect(await heading(page)).toBe('You need an invitation');
    await expectGoodPage(page);
    await page.getByRole('link', { name: 'Sign in' }).click();
    await at(page, /\/login$/);
  });
});
