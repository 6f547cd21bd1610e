// Letters as a mail program that knows HTML shows them; those that know less show less, and the text part is whole.
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { languages, type Language } from '#kernel/i18n.ts';
import { launchBrowser } from '../support/browser.ts';
import { allLetters } from '../support/letters.ts';
import { servePages, type PageServer } from '../support/page-server.ts';
import { bringAxe, violations } from './axe.ts';

const letters = await allLetters();
const everyLanguage = Object.keys(languages) as Language[];

let browser: Browser;
let server: PageServer;
let page: Page;
beforeAll(async () => {
  [browser, server] = await Promise.all([launchBrowser(), servePages()]);
  const context = await browser.newContext();
  await bringAxe(context);
  page = await context.newPage();
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

describe('every mail with every sample', () => {
  test.each(letters.map((letter, at) => ({ title: `${letter.letter.name}, ${letter.name}`, letter, at })))(
    'is legible in light, and dark in another language, and fits on a small phone: $title',
    async ({ letter: { slug }, at }) => {
      await page.setViewportSize({ width: 320, height: 640 });
      const looks = [
        ['en', 'light'],
        [everyLanguage[at % everyLanguage.length]!, 'dark'],
      ] as const;
      for (const [language, colorScheme] of looks) {
        await page.emulateMedia({ colorScheme });
        await page.goto(server.url({ slug: `letter-${slug}` }, language));
        expect(await violations(page, 'all'), `${language}, ${colorScheme}`).toEqual([]);
        const tooWide = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(tooWide, language).toBe(0);
      }
    },
  );
});
