/** A browser at an application that speaks SAML, which is at another site. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestUser } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { startApplication, type TestApplication } from '../support/saml-applications.ts';
import { expectGoodPage, heading, identify, newPerson, reach } from './person.ts';

let browser: Browser;
let latchkey: TestApp;
let user: TestUser;
let server: Server;
let app: TestApplication;
let base = '';

/** Reads the posted answer, and goes on at another name of the same machine, as applications do. */
async function serve(
  method: string | undefined,
  body: string,
): Promise<{ status: number; headers: Record<string, string>; body: string }> {
  const html = (title: string) => ({
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: `<title>x</title><h1>${title}</h1>`,
  });
  if (method !== 'POST') return html('Welcome');
  const fields = Object.fromEntries(new URLSearchParams(body));
  const { profile } = await app.saml.validatePostResponseAsync(fields);
  const home = `${base.replace('127.0.0.1', 'localhost')}/home`;
  return profile?.email === user.email && fields['RelayState'] === `"><b>here`
    ? { status: 303, headers: { location: home }, body: '' }
    : html('Refused');
}

beforeAll(async () => {
  server = createServer((request, response) => {
    void text(request)
      .then((body) => serve(request.method, body))
      .then(({ status, headers, body }) => response.writeHead(status, headers).end(body));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  [browser, latchkey] = await Promise.all([launchBrowser(), startTestApp()]);
  user = await latchkey.user({ name: 'Noor Haddad', email_verified: true });
  const members = {
    name: 'Handbook',
    launchable: true,
    launch_relay_state: `"><b>here`,
    acs_urls: [{ url: `${base}/acs` }],
  };
  app = await startApplication(latchkey, members, { callbackUrl: `${base}/acs` });
});
afterAll(async () => {
  await browser?.close();
  await latchkey?.close();
  await new Promise((resolve) => void server?.close(resolve));
});

test('the answer posts itself, and the browser goes on where the application leads', async () => {
  const { page, complaints, context } = await newPerson(browser);
  await page.goto(await app.requestUrl(`"><b>here`));
  await identify(page, user);
  await reach(page, (url) => url.pathname === '/home');
  expect(await heading(page)).toBe('Welcome');
  await page.goto(`${latchkey.base}/account/apps`);
  await expectGoodPage(page);
  await page.getByRole('link', { name: 'Handbook' }).click();
  await reach(page, (url) => url.pathname === '/home');
  expect(complaints).toEqual([]);
  await context.close();
});

test('a request that is refused has a page without a way back', async () => {
  const { page, context } = await newPerson(browser);
  await page.goto(`${app.base}/sso?SAMLRequest=x`);
  expect(await heading(page)).toBe('You couldn’t be signed in');
  await expectGoodPage(page);
  await context.close();
});

test('without scripts the button posts the answer', async () => {
  const { page, context } = await newPerson(browser, { javaScriptEnabled: false });
  await page.goto(await app.requestUrl(`"><b>here`));
  await identify(page, user);
  await page.getByRole('button').first().click();
  await reach(page, (url) => url.pathname === '/home');
  await context.close();
});
