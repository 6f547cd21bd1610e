import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestUser } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';
import { Authenticators } from './authenticators.ts';
import {
  arrive,
  expectGoodPage,
  heading,
  identify,
  newPerson,
  type Person,
  press,
  reach,
  typeEmail,
} from './person.ts';

let browser: Browser;
let latchkey: TestApp;
let tally: WebApp;
const people: Person[] = [];

beforeAll(async () => {
  [browser, latchkey] = await Promise.all([launchBrowser(), startTestApp({ env: { OUTBOUND_ALLOW: '127.0.0.1' } })]);
  tally = await startWebApp(latchkey);
});
afterAll(async () => {
  await browser?.close();
  await tally?.close();
  await latchkey?.close();
});
afterEach(async () => {
  for (const { complaints, context } of people.splice(0)) {
    expect(complaints).toEqual([]);
    await context.close();
  }
});

async function someone(): Promise<{ page: Page; keys: Authenticators }> {
  const person = await newPerson(browser);
  people.push(person);
  return { page: person.page, keys: await Authenticators.of(person.page) };
}

/** Keeps the prompt in the field away, which an authenticator that answers by itself would take before anybody presses a button. */
async function withoutPrompt(page: Page): Promise<void> {
  await page.addInitScript('PublicKeyCredential.isConditionalMediationAvailable = async () => false;');
}

const button = (page: Page) => page.locator('[data-passkey-start]');
const onPage = (page: Page, name: string) => reach(page, (url) => url.pathname.endsWith(`/${name}`));
/** The first page of a sign-in has two addresses: the one that begins the sign-in, and its own. */
const onFirstPage = (page: Page) => page.waitForSelector('form[action$="/login"]');

/** Makes a passkey by the offer behind the password, on the authenticators of this browser. */
async function enrolByOffer(page: Page, user: TestUser): Promise<void> {
  await page.goto(`${tally.base}/login?prompt=login`);
  await identify(page, user);
  await onPage(page, 'offer-passkey');
  await button(page).click();
  await arrive(page, tally);
}

async function signOut(page: Page): Promise<void> {
  await page.context().clearCookies();
}

/** At level 3, which is more than a password. */
const strict = (): string => {
  const claims = JSON.stringify({ id_token: { acr: { essential: true, value: 'urn:latchkey:acr:3' } } });
  return `${tally.base}/login?${new URLSearchParams({ claims }).toString()}`;
};

/** Adds a key because the application wants more than the password, and uses it at once. */
async function enrolByDemand(page: Page, user: TestUser): Promise<void> {
  await page.goto(strict());
  await identify(page, user);
  await onPage(page, 'enrol-factor/passkey');
  await expectGoodPage(page);
  await button(page).click();
  await onPage(page, 'second-factor/passkey');
  await expectGoodPage(page);
  await button(page).click();
  await onPage(page, 'recovery-codes');
}

describe('a device with passkey support', () => {
  test('is offered one after the password, and signs in with it by a button, without an email address', async () => {
    const { page, keys } = await someone();
    const device = await keys.add();
    const user = await latchkey.user({ name: 'Noor Haddad' });
    await page.goto(`${tally.base}/login`);
    await identify(page, user);
    await onPage(page, 'offer-passkey');
    await expectGoodPage(page);
    await button(page).click();
    await arrive(page, tally);
    expect(await keys.credentials(device)).toMatchObject([{ isResidentCredential: true, rpId: 'localhost' }]);

    await signOut(page);
    await withoutPrompt(page);
    await page.goto(`${tally.base}/login`);
    await onFirstPage(page);
    await expectGoodPage(page);
    await button(page).click();
    await arrive(page, tally);
    expect(await heading(page)).toBe(`Signed in as ${user.email}`);
  });

  test('lists its passkeys in the email field', async () => {
    const { page, keys } = await someone();
    await keys.add();
    const user = await latchkey.user();
    await enrolByOffer(page, user);
    await signOut(page);
    await page.goto(`${tally.base}/login`);
    // The virtual authenticator chooses as soon as the browser would show its list.
    await arrive(page, tally);
    expect(await heading(page)).toBe(`Signed in as ${user.email}`);
  });

  test('can decline one, and is not asked again', async () => {
    const { page, keys } = await someone();
    await keys.add();
    const user = await latchkey.user();
    await page.goto(`${tally.base}/login`);
    await identify(page, user);
    await onPage(page, 'offer-passkey');
    await press(page, 'skip');
    await arrive(page, tally);
    await signOut(page);
    await page.goto(`${tally.base}/login`);
    await identify(page, user);
    await arrive(page, tally);
  });

  test('without user verification does not sign in', async () => {
    const { page, keys } = await someone();
    const device = await keys.add();
    await enrolByOffer(page, await latchkey.user());
    await signOut(page);
    await withoutPrompt(page);
    await keys.setVerified(device, false);
    await page.goto(`${tally.base}/login`);
    await onFirstPage(page);
    await button(page).click();
    await onPage(page, 'passkey');
    expect(await page.getByRole('alert').innerText()).toContain('No passkey was used');
    await expectGoodPage(page);
    await keys.setVerified(device, true);
    await button(page).click();
    await arrive(page, tally);
  });
});

describe('a browser without a passkey', () => {
  test('is not offered one', async () => {
    const { page } = await someone();
    const user = await latchkey.user();
    await page.goto(`${tally.base}/login`);
    await identify(page, user);
    await arrive(page, tally);
  });

  test('whose passkey was removed is told, and signs in with another method', async () => {
    const { page, keys } = await someone();
    const device = await keys.add();
    const user = await latchkey.user();
    await enrolByOffer(page, user);
    await signOut(page);
    await latchkey.app.database.sql('delete from passkey where user_id = (select id from users where email = $1)', [
      user.email,
    ]);
    await withoutPrompt(page);
    await page.goto(`${tally.base}/login`);
    await onFirstPage(page);
    await button(page).click();
    await onPage(page, 'passkey');
    expect(await page.getByRole('alert').innerText()).toContain('We don’t recognize this passkey');
    await expectGoodPage(page);
    // The Signal API: the browser forgets what nobody knows any more.
    await expect.poll(() => keys.credentials(device)).toEqual([]);
    await page.getByRole('link', { name: 'Try another way' }).click();
    await onFirstPage(page);
    await identify(page, user);
    await arrive(page, tally);
  });
});

describe('two authenticators in one browser', () => {
  test('hold one passkey of each of two users, and each user signs in with their own', async () => {
    const { page, keys } = await someone();
    const [ada, eve] = [await latchkey.user(), await latchkey.user()];
    const key = await keys.add({ transport: 'usb' });
    await enrolByDemand(page, ada);
    const adas = await keys.credentials(key);
    await keys.remove(key);
    await signOut(page);
    const device = await keys.add();
    await enrolByOffer(page, eve);
    await keys.add({ transport: 'usb' }, adas);
    expect(await keys.credentials(device)).toHaveLength(1);
    await withoutPrompt(page);
    for (const { email } of [ada, eve]) {
      await signOut(page);
      await page.goto(`${tally.base}/login?prompt=login`);
      await typeEmail(page, email);
      await page.getByRole('link', { name: 'Use a passkey' }).click();
      await onPage(page, 'passkey');
      await button(page).click();
      await arrive(page, tally);
      expect(await heading(page)).toBe(`Signed in as ${email}`);
    }
  });
});

describe('a security key after a password', () => {
  test('is added when an application requires more than the password, and used from then on', async () => {
    const { page, keys } = await someone();
    const key = await keys.add({ transport: 'usb', hasResidentKey: false, hasUserVerification: false });
    const user = await latchkey.user();
    await enrolByDemand(page, user);
    expect(await keys.credentials(key)).toMatchObject([{ isResidentCredential: false }]);

    await signOut(page);
    await page.goto(strict());
    await identify(page, user);
    await onPage(page, 'second-factor/passkey');
    await button(page).click();
    await arrive(page, tally);
  });
});

describe('a browser without the JSON methods of WebAuthn 3', () => {
  test('still creates a passkey and signs in with it', async () => {
    const { page, keys } = await someone();
    const device = await keys.add();
    await page.addInitScript(`
      delete PublicKeyCredential.parseCreationOptionsFromJSON;
      delete PublicKeyCredential.parseRequestOptionsFromJSON;
      delete PublicKeyCredential.prototype.toJSON;
    `);
    const user = await latchkey.user();
    await enrolByOffer(page, user);
    expect(await keys.credentials(device)).toHaveLength(1);
    await signOut(page);
    await withoutPrompt(page);
    await page.goto(`${tally.base}/login`);
    await onFirstPage(page);
    await button(page).click();
    await arrive(page, tally);
    expect(await heading(page)).toBe(`Signed in as ${user.email}`);
  });
});

describe('a passkey page', () => {
  test('has the entered address, and a link back to the password', async () => {
    const { page } = await someone();
    await page.goto(`${tally.base}/login`);
    await typeEmail(page, 'nobody@example.com');
    await page.getByRole('link', { name: 'Use a passkey' }).click();
    await onPage(page, 'passkey');
    await expectGoodPage(page);
    await page.getByRole('link', { name: 'Use your password' }).click();
    await onPage(page, 'password');
  });

  test('says what it needs if JavaScript is off', async () => {
    const person = await newPerson(browser, { javaScriptEnabled: false });
    people.push(person);
    const { page } = person;
    await page.goto(`${tally.base}/login`);
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await onPage(page, 'passkey');
    expect(await page.locator('main').innerText()).toContain('Passkeys need JavaScript');
  });
});
