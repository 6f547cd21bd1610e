/** Chromium below the path of an issuer: scripts, styles, fonts, passkeys and cookies, in one visit. */
import type { Browser } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';
import { Authenticators } from './authenticators.ts';
import { arrive, heading, identify, newPerson, press, reach } from './person.ts';

let browser: Browser;
let latchkey: TestApp;
let tally: WebApp;
beforeAll(async () => {
  const env = (port: number) => ({ ISSUER: `http://localhost:${port}/id`, OUTBOUND_ALLOW: '127.0.0.1' });
  [browser, latchkey] = await Promise.all([launchBrowser(), startTestApp({ env })]);
  tally = await startWebApp(latchkey);
});
afterAll(async () => {
  await browser?.close();
  await tally?.close();
  await latchkey?.close();
});

test('a password, a passkey for the whole host, the account and the sign-out stay below the path', async () => {
  const { page, context, complaints } = await newPerson(browser);
  const { origin } = new URL(latchkey.base);
  const [outside, failed]: [string[], string[]] = [[], []];
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin === origin && !url.pathname.startsWith('/id/')) outside.push(url.href);
  });
  page.on('response', (response) => {
    if (response.url().startsWith(origin) && response.status() >= 400) failed.push(response.url());
  });
  const keys = await Authenticators.of(page);
  const device = await keys.add();
  const user = await latchkey.user();

  await page.goto(`${tally.base}/login`);
  await identify(page, user);
  await reach(page, (url) => url.pathname.endsWith('/offer-passkey'));
  expect(await page.evaluate(async () => (await document.fonts.ready).status)).toBe('loaded');
  await page.locator('[data-passkey-start]').click();
  await arrive(page, tally);
  expect(await keys.credentials(device)).toMatchObject([{ rpId: 'localhost' }]);

  await page.goto(`${latchkey.base}/account`);
  await page.locator('a[href$="/account/security"]').first().click();
  await reach(page, (url) => url.pathname === '/id/account/security');
  await page.locator('a[href$="/oidc/logout"]').first().click();
  await press(page, 'logout');
  await reach(page, (url) => url.pathname === '/id/oidc/logout/success');
  const names = (await context.cookies(origin)).map(({ name }) => name);
  expect(names.filter((name) => !/^latchkey-[0-9a-f]{8}-/.test(name))).toEqual([]);

  // The virtual authenticator chooses as soon as the browser would show its list.
  await page.goto(`${tally.base}/login`);
  await arrive(page, tally);
  expect(await heading(page)).toBe(`Signed in as ${user.email}`);
  expect([outside, failed, complaints]).toEqual([[], [], []]);
  await context.close();
});
