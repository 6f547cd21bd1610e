/** The explorer of the management API in Chromium: an administrator signs in there and calls the API, below the path of an issuer. */
import type { Browser } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callApi } from '../support/api.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { expectGoodPage, heading, identify, newPerson, reach } from './person.ts';

let browser: Browser;
let latchkey: TestApp;
beforeAll(async () => {
  const env = (port: number) => ({ ISSUER: `http://localhost:${port}/id`, ISSUER_ALIASES: `http://127.0.0.1:${port}` });
  const settings = { 'mfa.enforcement': 'off', 'passkeys.offer': false };
  [browser, latchkey] = await Promise.all([launchBrowser(), startTestApp({ env, settings })]);
});
afterAll(async () => {
  await browser?.close();
  await latchkey?.close();
});

test.each(['issuer', 'alias'])('an administrator signs in and reads a user, at the %s', async (host) => {
  const administrator = await latchkey.user({ administrator: true });
  const base = host === 'issuer' ? latchkey.base : latchkey.base.replace('localhost', '127.0.0.1');
  const { page, context, complaints } = await newPerson(browser);
  const outside: string[] = [];
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (![base, latchkey.base].some((each) => url.href.startsWith(`${each}/`)) && url.protocol !== 'data:')
      outside.push(url.href);
  });
  await page.goto(`${base}/api/docs/users`);
  expect(await heading(page)).toBe('users');

  const read = page.locator('[id="users.read"]');
  const send = async () => {
    await read.locator('[id="users.read-path-user_id"]').fill(administrator.id);
    await read.getByRole('button', { name: 'Send' }).click();
  };
  await read.getByText('Try it').click();
  await send();
  expect(await read.locator('[data-need]').isVisible()).toBe(true);

  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForSelector('form[action$="/login"]');
  await identify(page, administrator);
  await reach(page, (url) => url.pathname === '/id/api/docs/users');
  expect(new URL(page.url()).hash).toBe('');
  await expect.poll(() => page.getByText('Signed in', { exact: true }).isVisible()).toBe(true);

  await read.getByText('Try it').click();
  await send();
  await expect.poll(() => read.locator('[data-status]').innerText()).toBe('200 OK');
  expect(JSON.parse(await read.locator('[data-body]').innerText())).toMatchObject({ id: administrator.id });
  if (host === 'issuer') await expectGoodPage(page);

  // A token that has not the scope: the missing one is named.
  const disable = page.locator('[id="users.disable"]');
  await disable.getByText('Try it').click();
  await disable.locator('[id="users.disable-path-user_id"]').fill(administrator.id);
  await disable.getByRole('button', { name: 'Send' }).click();
  await expect.poll(() => disable.locator('[data-status]').innerText()).toBe('403 Forbidden');
  expect(await disable.locator('[data-body]').innerText()).toContain('users.manage');

  const token = await page.evaluate(
    () => (JSON.parse(sessionStorage.getItem('latchkey-api-token') ?? '{}') as { value: string }).value,
  );
  await page.locator('[data-sign-in] > summary').click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect.poll(() => page.getByText('Signed in', { exact: true }).isVisible()).toBe(false);
  await expect.poll(async () => (await callApi(latchkey, `/v1/users/${administrator.id}`, { token })).status).toBe(401);
  expect([outside, complaints]).toEqual([[], []]);
  await context.close();
});

test('the list is filtered as one types, and by a link without scripts', async () => {
  const { page, context } = await newPerson(browser);
  await page.goto(`${latchkey.base}/api/docs`);
  await expectGoodPage(page);
  const shown = () => page.locator('[data-operation]:visible').count();
  const all = await shown();
  await page.getByRole('searchbox').fill('users.disable');
  expect(await shown()).toBe(1);
  expect(await page.locator('[data-count]').innerText()).toMatch(/^1 /);
  await page.getByRole('searchbox').fill('');
  expect(await shown()).toBe(all);
  await context.close();

  const plain = await newPerson(browser, { javaScriptEnabled: false });
  await plain.page.goto(`${latchkey.base}/api/docs?q=users.disable`);
  expect(await plain.page.locator('[data-operation]').count()).toBe(1);
  await plain.page.getByRole('link', { name: /Disable a user/ }).click();
  expect(plain.page.url()).toBe(`${latchkey.base}/api/docs/users#users.disable`);
  expect(await plain.page.getByRole('button', { name: 'Sign in' }).isVisible()).toBe(false);
  await plain.context.close();
});
