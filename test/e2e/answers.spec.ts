import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { authorizeUrl, pkce, post } from '../support/visitor.ts';
import { identify, newPerson, type Person, reach } from './person.ts';

let browser: Browser;
let latchkey: TestApp;
let server: Server;
let base: string;
let client: TestClient;
let user: TestUser;
let person: Person;
/** Bodies that were posted to the app. */
const posted: string[] = [];

beforeAll(async () => {
  [browser, latchkey] = await Promise.all([launchBrowser(), startTestApp()]);
  server = createServer((req, res) => {
    const answer = (): void =>
      void res
        .writeHead(200, { 'content-type': 'text/html' })
        .end('<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,"><h1>Here</h1></html>');
    if (req.method !== 'POST') return answer();
    void text(req).then((body) => {
      posted.push(body);
      answer();
    });
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  base = `http://localhost:${(server.address() as AddressInfo).port}`;
  client = await latchkey.client({ redirect_uris: [`${base}/cb`], first_party: true });
  user = await latchkey.user();
});
afterAll(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
  await latchkey?.close();
});
afterEach(async () => {
  expect(person.complaints).toEqual([]);
  await person.context.close();
});

const { verifier, challenge } = pkce();
const request = (extra: Record<string, string>): string =>
  authorizeUrl(latchkey.base, client, { code_challenge: challenge, ...extra });

async function signIn(page: Page): Promise<void> {
  await page.waitForSelector('form[action$="/login"]');
  await identify(page, user);
}

/** Whether a code came that is worth an ID token of this person. */
async function expectGood(answer: URLSearchParams): Promise<void> {
  expect(answer.get('state')).toBe('st');
  expect(answer.get('iss')).toBe(latchkey.base);
  const parameters = {
    grant_type: 'authorization_code',
    code: answer.get('code') ?? '',
    redirect_uri: `${base}/cb`,
    code_verifier: verifier,
  };
  expect((await post(`${latchkey.base}/oidc/token`, client, parameters)).status).toBe(200);
}

describe('a response reaches the app in a real browser', () => {
  test('by a page that posts itself (OAuth 2.0 Form Post Response Mode)', async () => {
    person = await newPerson(browser);
    const { page } = person;
    await page.goto(request({ response_mode: 'form_post' }));
    await signIn(page);
    await reach(page, (url) => url.href === `${base}/cb`);
    await expectGood(new URLSearchParams(posted.pop()));
  });

  test('by a button without JavaScript', async () => {
    person = await newPerson(browser, { javaScriptEnabled: false });
    const { page } = person;
    await page.goto(request({ response_mode: 'form_post' }));
    await signIn(page);
    await page.locator('noscript button, form button[type=submit], form button').first().click();
    await reach(page, (url) => url.href === `${base}/cb`);
    await expectGood(new URLSearchParams(posted.pop()));
  });

  test('in the fragment', async () => {
    person = await newPerson(browser);
    const { page } = person;
    await page.goto(request({ response_mode: 'fragment' }));
    await signIn(page);
    await reach(page, (url) => url.pathname === '/cb');
    await expectGood(new URLSearchParams(new URL(page.url()).hash.slice(1)));
  });

  test('by a message from a hidden frame, for a signed-in user (web_message)', async () => {
    person = await newPerson(browser);
    const { page } = person;
    await page.goto(request({}));
    await signIn(page);
    await reach(page, (url) => url.pathname === '/cb');
    const answer = await page.evaluate(
      ({ url, from }) =>
        new Promise<Record<string, string>>((resolve, reject) => {
          const frame = document.createElement('iframe');
          addEventListener('message', ({ origin, data }) => {
            if (origin === from) resolve((data as { response: Record<string, string> }).response);
          });
          setTimeout(() => reject(new Error('no message came')), 8000);
          frame.src = url;
          document.body.append(frame);
        }),
      { url: request({ response_mode: 'web_message', prompt: 'none' }), from: latchkey.base },
    );
    await expectGood(new URLSearchParams(answer));
  });

  test('by a message from a popup in which the user signed in (web_message)', async () => {
    person = await newPerson(browser);
    const { page } = person;
    await page.goto(`${base}/`);
    const opened = page.waitForEvent('popup');
    await page.evaluate(
      ({ url, from }) => {
        Object.assign(globalThis, {
          answer: new Promise((resolve) => {
            addEventListener('message', ({ origin, data }) => {
              if (origin === from) resolve((data as { response: unknown }).response);
            });
          }),
        });
        window.open(url, 'sign-in', 'popup');
      },
      { url: request({ response_mode: 'web_message', display: 'popup' }), from: latchkey.base },
    );
    await signIn(await opened);
    const answer = await page.evaluate(
      () => (globalThis as unknown as { answer: Promise<Record<string, string>> }).answer,
    );
    await expectGood(new URLSearchParams(answer));
  });

  test('never through a frame in which a user could type a password', async () => {
    person = await newPerson(browser);
    const { page, complaints } = person;
    await page.goto(`${base}/`);
    await page.evaluate((url) => {
      const frame = document.createElement('iframe');
      frame.src = url;
      document.body.append(frame);
    }, request({}));
    await expect.poll(() => complaints.some((text) => text.includes('frame-ancestors'))).toBe(true);
    complaints.length = 0;
    expect(
      await page
        .frames()[1]
        ?.locator('input')
        .count()
        .catch(() => 0),
    ).toBe(0);
  });
});
