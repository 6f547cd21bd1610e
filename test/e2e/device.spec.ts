import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { post } from '../support/visitor.ts';
import { expectGoodPage, expectRefused, heading, identify, newPerson, type Person, press } from './person.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

let browser: Browser;
let latchkey: TestApp;
let television: TestClient;
let user: TestUser;
let person: Person;
let page: Page;

beforeAll(async () => {
  [browser, latchkey] = await Promise.all([launchBrowser(), startTestApp()]);
  television = await latchkey.client({
    name: 'Lantern TV',
    type: 'native',
    redirect_uris: [],
    grant_types: [GRANT, 'refresh_token'],
  });
  user = await latchkey.user({ name: 'Noor Haddad' });
});
afterAll(async () => {
  await browser?.close();
  await latchkey?.close();
});
afterEach(async () => {
  expect(person.complaints).toEqual([]);
  await person.context.close();
});

/** The display of a device without a browser, and its polling for the answer. */
async function newDevice(): Promise<{
  userCode: string;
  uri: string;
  complete: string;
  ask(): ReturnType<typeof post>;
}> {
  const { body } = await post(`${latchkey.base}/oidc/device/auth`, television, { scope: 'openid email' });
  const deviceCode = String(body['device_code']);
  return {
    userCode: String(body['user_code']),
    uri: String(body['verification_uri']),
    complete: String(body['verification_uri_complete']),
    ask: () => post(`${latchkey.base}/oidc/token`, television, { grant_type: GRANT, device_code: deviceCode }),
  };
}

async function signInOnTheWay(): Promise<void> {
  await page.waitForSelector('form[action$="/login"]');
  await identify(page, user);
}

describe('a device without a browser (RFC 8628)', () => {
  test('is connected with its code on a phone', async () => {
    person = await newPerson(browser, { viewport: { width: 390, height: 780 } });
    page = person.page;
    const device = await newDevice();
    await page.goto(device.uri);
    await expectGoodPage(page);
    await page.locator('#user_code').fill(device.userCode.toLowerCase());
    await press(page, 'continue');
    await page.locator('.bigcode').waitFor();
    expect(await page.locator('.bigcode').innerText()).toBe(device.userCode);
    expect(await page.locator('main').innerText()).toContain('Lantern TV');
    await expectGoodPage(page);
    await press(page, 'confirm');
    await signInOnTheWay();
    await page.waitForURL(/\/(interaction\/|device\?device=)[\w-]+$/);
    if (page.url().includes('/interaction/')) {
      await expectGoodPage(page);
      await press(page, 'allow');
      await page.waitForURL(/\/oidc\/device\?device=/);
    }
    await expectGoodPage(page);
    expect(await heading(page)).toMatch(/connected/i);
    const { status, body } = await device.ask();
    expect(status).toBe(200);
    expect(body.access_token).toMatch(/^lk_at_/);
  });

  test('is not connected when the user says that they did not request it', async () => {
    person = await newPerson(browser);
    page = person.page;
    const device = await newDevice();
    await page.goto(device.complete);
    await page.locator('button[value=abort], button[value=continue]').first().waitFor();
    if ((await page.locator('button[value=abort]').count()) === 0) await press(page, 'continue');
    await press(page, 'abort');
    await page.waitForLoadState();
    await expectGoodPage(page);
    expect((await device.ask()).body.error).toBe('access_denied');
  });

  test('shows an error for an unknown code', async () => {
    person = await newPerson(browser);
    page = person.page;
    await page.goto(`${latchkey.base}/oidc/device`);
    await page.locator('#user_code').fill('BCDF-GHJK');
    await press(page, 'continue');
    await expectRefused(page, 'user_code');
    expect(await page.title()).toMatch(/^Error: /);
    expect(await page.locator('#user_code').inputValue()).toMatch(/^BCDF-?GHJK$/);
    await expectGoodPage(page);
  });
});
