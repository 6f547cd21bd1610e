/** A sign-in by a provider of SAML in a browser: the answer is a form of another site, so it comes without the cookies of this one. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { samlPerson, type SamlFederation, startSamlFederation } from '../support/saml-federation.ts';
import { requestIn, samlForm } from '../support/saml-provider.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';
import { arrive, expectGoodPage, newPerson } from './person.ts';

let browser: Browser;
let it: SamlFederation;
let tally: WebApp;
let provider: Server;
const who = samlPerson();

const hidden = ([name, value]: [string, string]) => `<input type="hidden" name="${name}" value="${value}">`;
/** The page of the provider, whose host is another site than this instance. */
async function pageFor(url: string): Promise<string> {
  const request = requestIn(url);
  const fields = Object.entries(samlForm(await it.idp.answer(request, who), request.relayState)).map(hidden);
  return `<!doctype html><html lang="en"><title>Acme</title><link rel="icon" href="data:,"><h1>Acme</h1>
    <form method="post" action="${request.acsUrl}">${fields.join('')}<button id="allow">Continue</button></form>`;
}

beforeAll(async () => {
  [browser, it] = await Promise.all([launchBrowser(), startSamlFederation({ 'passkeys.offer': false })]);
  tally = await startWebApp(it.latchkey);
  provider = createServer((request, response) => {
    void pageFor(`http://localhost${request.url}`).then((page) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end(page);
    });
  });
  await new Promise<void>((resolve) => void provider.listen(0, resolve));
  const sign_on_url = `http://localhost:${(provider.address() as AddressInfo).port}/sso`;
  await it.latchkey.run('connections.update', {
    connection: 'acme',
    metadata: it.idp.metadata({ signOn: sign_on_url }),
  });
});
afterAll(async () => {
  await browser?.close();
  await tally?.close();
  await it?.close();
  provider?.closeAllConnections();
  provider?.close();
});

test('a new person signs up through the provider, and signs in with it the next time', async () => {
  const { page, complaints } = await newPerson(browser);
  for (let visit = 0; visit < 2; visit += 1) {
    await page.goto(`${tally.base}/login`);
    await expectGoodPage(page);
    await page.getByRole('button', { name: /Continue with Acme/ }).click();
    await page.waitForURL(/^http:\/\/localhost:\d+\/sso/);
    await page.locator('#allow').click();
    await arrive(page, tally);
    await page.context().clearCookies({ name: /session/ });
  }
  expect(complaints).toEqual([]);
});

test('a person tests the connection', async () => {
  const { url } = await it.latchkey.run<{ url: string }>('connections.test', { connection: 'acme' });
  const { page, complaints } = await newPerson(browser);
  await page.goto(url);
  await expectGoodPage(page);
  await page.getByRole('button', { name: /Continue with Acme/ }).click();
  await page.waitForURL(/^http:\/\/localhost:\d+\/sso/);
  await page.locator('#allow').click();
  await page.waitForURL(/\/result/);
  await expectGoodPage(page);
  expect(await page.locator('main').innerText()).toContain(who.email);
  expect(complaints).toEqual([]);
});
