/** Sign-ins by an upstream provider in a browser: a new person signs up through it, and a person with a password links it. */
import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { type Federation, identitiesOf, someone, startFederation } from '../support/federation.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';
import { arrive, expectGoodPage, heading, newPerson, type Person, typeEmail, typePassword } from './person.ts';

let browser: Browser;
let it: Federation;
let tally: WebApp;
const people: Person[] = [];

beforeAll(async () => {
  [browser, it] = await Promise.all([launchBrowser(), startFederation({ 'passkeys.offer': false })]);
  tally = await startWebApp(it.latchkey);
  await it.latchkey.run('connections.update', { connection: 'acme', name: 'Google', links_by_email: true });
  // The page of the provider: its user allows the sign-in, or turns back.
  it.upstream.answers[`${it.upstream.url}/authorize`] = ({ url }) => {
    const asked = new URL(url).searchParams;
    const back = (answer: Record<string, string>) => {
      const to = new URL(asked.get('redirect_uri') ?? '');
      to.search = new URLSearchParams({ state: asked.get('state') ?? '', iss: it.upstream.url, ...answer }).toString();
      return to.href.replaceAll('&', '&amp;');
    };
    return {
      headers: { 'content-type': 'text/html' },
      text: `<!doctype html><html lang="en"><title>Google</title><link rel="icon" href="data:,"><h1>Choose an account</h1>
        <a id="allow" href="${back({ code: asked.get('nonce') ?? '' })}">Continue</a> <a id="deny" href="${back({ error: 'access_denied' })}">Cancel</a>`,
    };
  };
});
afterAll(async () => {
  await browser?.close();
  await tally?.close();
  await it?.close();
});
afterEach(async () => {
  for (const { complaints, context } of people.splice(0)) {
    expect(complaints).toEqual([]);
    await context.close();
  }
});

async function person(): Promise<Page> {
  const one = await newPerson(browser);
  people.push(one);
  return one.page;
}
const button = (page: Page) => page.getByRole('button', { name: /Continue with Google/ });

/** To the provider by its button, and back. */
async function passGoogle(page: Page, answer: 'allow' | 'deny' = 'allow'): Promise<void> {
  await button(page).click();
  await page.waitForURL(`${it.upstream.url}/authorize**`);
  await page.locator(`#${answer}`).click();
}

test('a new person signs up through the provider, and signs in with it the next time', async () => {
  const page = await person();
  const who = someone();
  it.tell(who);
  await page.goto(`${tally.base}/login`);
  await expectGoodPage(page);
  await passGoogle(page, 'deny');
  await page.waitForURL(/\/login$/);
  expect(await page.getByRole('alert').innerText()).toContain('You cancelled signing in with Google.');
  await expectGoodPage(page);
  await passGoogle(page);
  await arrive(page, tally);
  expect(await identitiesOf(it.latchkey, who.email)).toMatchObject([{ subject: who.sub }]);
  await page.context().clearCookies({ name: /session/ });
  await page.goto(`${tally.base}/login`);
  expect(await button(page).innerText()).toContain('Last used');
  await passGoogle(page);
  await arrive(page, tally);
});

test('a person with a password links an account, and signs in with it', async () => {
  const page = await person();
  const user = await it.latchkey.user({ email_verified: true });
  const who = someone();
  it.tell(who);
  await page.goto(`${it.latchkey.base}/account/security`);
  await typeEmail(page, user.email);
  await typePassword(page, user.password);
  await page.waitForURL(/\/account\/security$/);
  await expectGoodPage(page);
  await page.getByRole('link', { name: /Change Linked accounts/ }).click();
  await page.waitForURL(/\/account\/linked-accounts$/);
  await page.getByRole('button', { name: 'Link Google' }).click();
  await page.waitForURL(`${it.upstream.url}/authorize**`);
  await page.locator('#allow').click();
  await page.waitForURL(/done=linked$/);
  expect(await page.locator('main').innerText()).toContain(who.email);
  await expectGoodPage(page);
  const other = await person();
  await other.goto(`${tally.base}/login`);
  await passGoogle(other);
  await arrive(other, tally);
  await other.goto(`${it.latchkey.base}/account`);
  expect(await other.locator('body').innerText()).toContain(user.email);
});

test('a person whose address has an account signs in to it once', async () => {
  const page = await person();
  const user = await it.latchkey.user({ email_verified: true });
  it.tell(someone({ email: user.email }));
  await page.goto(`${tally.base}/login`);
  await passGoogle(page);
  await page.waitForURL(/\/federation\/confirm$/);
  expect(await heading(page)).toBe('You already have an account');
  await expectGoodPage(page);
  await page.getByRole('link', { name: 'Continue' }).click();
  await page.waitForURL(/\/password$/);
  await typePassword(page, user.password);
  await arrive(page, tally);
  expect(await identitiesOf(it.latchkey, user.email)).toHaveLength(1);
});
