/** A person with a browser of their own, who watches what pages do behind their back. */
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright';
import { expect } from 'vitest';
import type { TestUser } from '../support/app.ts';
import { loadAxe, violations } from './axe.ts';

export type Person = {
  context: BrowserContext;
  page: Page;
  /** Errors in the browser's console, and requests that left this machine. */
  complaints: string[];
  newTab(): Promise<Page>;
};

/** The browser says so of every page that is answered with an error, which is what some pages are. */
const plainRefusal = /^Failed to load resource: the server responded with a status of 4\d\d /;

export async function newPerson(browser: Browser, options: BrowserContextOptions = {}): Promise<Person> {
  const context = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce', ...options });
  const complaints: string[] = [];
  context.on('console', (message) => {
    if (message.type() === 'error' && !plainRefusal.test(message.text())) complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && !['localhost', '127.0.0.1'].includes(url.hostname))
      complaints.push(`asked for ${url.href}`);
  });
  const newTab = () => context.newPage();
  return { context, page: await newTab(), complaints, newTab };
}

/**
 * Nothing that axe objects to on a wide light page and on a narrow dark one, and no sideways scroll there. The part between
 * these is looked at with the samples of every page.
 */
export async function expectGoodPage(page: Page): Promise<void> {
  const size = page.viewportSize();
  const title = await page.title();
  await loadAxe(page);
  expect(await violations(page, 'all'), title).toEqual([]);
  await page.setViewportSize({ width: 390, height: 800 });
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await violations(page, 'of appearance'), `${title}, narrow and dark`).toEqual([]);
  const overflow = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
  expect(await page.evaluate(overflow), title).toBe(0);
  if (size) await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: 'light' });
}

export const heading = (page: Page): Promise<string> => page.getByRole('heading', { level: 1 }).innerText();
export const press = (page: Page, value: string): Promise<void> =>
  page.locator(`button[name=action][value=${value}]`).click();

export async function typeEmail(page: Page, email: string): Promise<void> {
  await page.locator('#email').fill(email);
  await press(page, 'continue');
  await page.waitForURL(/\/password$/);
}

export async function typePassword(page: Page, password: string): Promise<void> {
  await page.locator('#password').fill(password);
  await press(page, 'continue');
}

/** The last digit sends the form, where scripts run. */
export const typeCode = (page: Page, code: string): Promise<void> => page.locator('#code').fill(code);

/** A form with one error: the page says so, and the field that must be mended has the focus and its text. */
export async function expectRefused(page: Page, field: string): Promise<void> {
  const input = page.locator(`#${field}[aria-invalid=true]`);
  await input.waitFor();
  expect(await input.getAttribute('aria-describedby')).toContain(`${field}-error`);
  expect(await page.locator(`#${field}-error`).isVisible()).toBe(true);
  await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe(field);
  expect(await page.getByRole('alert').count()).toBe(0);
}

/** Back at the relying party, having allowed what it asks for if it had to ask. */
export async function arrive(page: Page, { base }: { base: string }, path = '/'): Promise<void> {
  const isBack = (url: URL): boolean => url.href === `${base}${path}`;
  const question = page.locator('form[action$="/consent"]');
  const isThere = async (): Promise<boolean> => isBack(new URL(page.url())) || (await question.count()) > 0;
  await expect.poll(isThere, { timeout: 60_000, interval: 20 }).toBe(true);
  await page.waitForLoadState();
  if (isBack(new URL(page.url()))) return;
  await press(page, 'allow');
  await reach(page, isBack);
}

/** Pages on the way may post themselves, which ends a wait for one navigation. */
export async function reach(page: Page, isThere: (url: URL) => boolean): Promise<void> {
  await expect.poll(() => isThere(new URL(page.url())), { timeout: 60_000, interval: 20 }).toBe(true);
  await page.waitForLoadState();
}

/** From the first page of a sign-in to whatever comes after the password. */
export async function identify(page: Page, { email, password }: Pick<TestUser, 'email' | 'password'>): Promise<void> {
  await typeEmail(page, email);
  await typePassword(page, password);
}
