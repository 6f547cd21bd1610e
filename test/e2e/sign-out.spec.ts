import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestUser } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';
import { arrive, expectGoodPage, heading, identify, newPerson, type Person, press, reach } from './person.ts';

let browser: Browser;
let latchkey: TestApp;
let tally: WebApp;
let almanac: WebApp;
let user: TestUser;
let person: Person;
let page: Page;

beforeAll(async () => {
  [browser, latchkey] = await Promise.all([launchBrowser(), startTestApp({ env: { OUTBOUND_ALLOW: '127.0.0.1' } })]);
  tally = await startWebApp(latchkey);
  almanac = await startWebApp(latchkey, { name: 'Almanac' });
  user = await latchkey.user({ name: 'Noor Haddad' });
});
afterAll(async () => {
  await browser?.close();
  await Promise.all([tally?.close(), almanac?.close()]);
  await latchkey?.close();
});
afterEach(async () => {
  expect(person.complaints).toEqual([]);
  await person.context.close();
});

/** At Tally by name and password, at Almanac without a question but for its leave. */
async function signedInTwice(): Promise<void> {
  person = await newPerson(browser);
  page = person.page;
  await page.goto(`${tally.base}/login`);
  await identify(page, user);
  await arrive(page, tally);
  await page.goto(`${almanac.base}/login`);
  await arrive(page, almanac);
}

const seenAt = (app: WebApp): Promise<string> => page.goto(`${app.base}/`).then(() => heading(page));

describe('signing out at a relying party', () => {
  test('asks first, ends the session, notifies the other app by back-channel, and redirects back', async () => {
    await signedInTwice();
    await page.goto(`${tally.base}/logout`);
    expect(new URL(page.url()).pathname).toBe('/oidc/logout');
    expect(await page.getByText(user.email).isVisible()).toBe(true);
    await expectGoodPage(page);
    await press(page, 'logout');
    await reach(page, (url) => url.href === `${tally.base}/`);
    // Back-Channel Logout 1.0 §2.5: sent by the provider itself, with the session that ended.
    await expect.poll(() => almanac.notices.length, { timeout: 60_000 }).toBe(1);
    expect(almanac.notices[0]).toMatchObject({ sub: user.id, sid: expect.any(String) });
    expect(await seenAt(almanac)).toBe('Nobody is signed in');
    await page.goto(`${tally.base}/login?prompt=none`);
    expect(await heading(page)).toBe('Refused: login_required');
  });

  test('changes nothing for a user who stays', async () => {
    await signedInTwice();
    await page.goto(`${tally.base}/logout`);
    await press(page, 'stay');
    await page.waitForLoadState();
    await page.goto(`${almanac.base}/login?prompt=none`);
    expect(await heading(page)).toBe(`Signed in as ${user.email}`);
  });
});

describe('the sign-out address', () => {
  test('asks a user who comes without an app, and confirms the sign-out', async () => {
    await signedInTwice();
    await page.goto(`${latchkey.base}/oidc/logout`);
    await press(page, 'logout');
    await page.waitForURL(/\/oidc\/logout\/success/);
    await expectGoodPage(page);
    expect(await heading(page)).toMatch(/signed out/i);
  });

  test.each([
    {
      title: 'an address that nobody registered',
      query: () => ({ client_id: tally.client.client_id, post_logout_redirect_uri: 'https://evil.example/' }),
    },
    { title: 'a token that is none', query: () => ({ id_token_hint: 'made-up' }) },
  ])('signs out without a redirect for $title', async ({ query }) => {
    person = await newPerson(browser);
    page = person.page;
    const answer = await page.goto(`${latchkey.base}/oidc/logout?${new URLSearchParams(query()).toString()}`);
    expect(answer?.status()).toBe(200);
    expect(await heading(page)).toMatch(/signed out/i);
    expect(await page.locator('a[href^="https:"]').count()).toBe(0);
    await expectGoodPage(page);
  });
});
