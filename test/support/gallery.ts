/**
 * Pictures of every page and letter with every sample, in both themes, on a desktop and a phone, and a page to look them
 * through.
 *
 * npm run gallery [-- --out .gallery] [--only sign-in/login/password] [--language de] [--color '#0a3fb5']
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { brandOf } from '#kernel/brand.ts';
import { languages, type Language } from '#kernel/i18n.ts';
import { startBrowser } from './browser.ts';
import { galleryPage, pictureOf, type Exhibit } from './gallery-page.ts';
import { allLetters, strictLetters } from './letters.ts';
import { servePages } from './page-server.ts';
import { allSamples } from './pages.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: '.gallery' },
    only: { type: 'string', default: '' },
    language: { type: 'string', default: 'en' },
    color: { type: 'string' },
  },
});
const language = values.language as Language;
if (!Object.hasOwn(languages, language)) throw new Error(`there is no language "${language}"`);

const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 780 } } as const;
const themes = ['light', 'dark'] as const;
/** Two tabs: more would only wait for the two cores that a small machine has. */
const TABS = 2;

const press = strictLetters();
const isAsked = (of: string): boolean => of.startsWith(values.only);
const pages = (await allSamples()).filter(({ page }) => isAsked(page));
const letters = (await allLetters()).filter(({ letter }) => isAsked(letter.name));
const exhibits: readonly Exhibit[] = [
  ...pages.map(({ page, name, slug }) => ({ kind: 'page' as const, of: page, name, slug, caption: name })),
  ...letters.map(({ letter, name, slug, context }) => ({
    kind: 'letter' as const,
    of: letter.name,
    name,
    slug: `letter-${slug}`,
    caption: `${name}: ${press.render(letter, context, language).subject}`,
  })),
];

await mkdir(values.out, { recursive: true });
const brand = values.color === undefined ? undefined : brandOf({ name: 'Fernway', color: values.color });
const server = await servePages(brand);
const browser = await startBrowser();

async function photograph(device: keyof typeof sizes, waiting: Exhibit[]): Promise<void> {
  const context = await browser.newContext({
    viewport: sizes[device],
    deviceScaleFactor: device === 'phone' ? 2 : 1,
    reducedMotion: 'reduce',
    locale: language,
    timezoneId: 'UTC',
  });
  const page = await context.newPage();
  for (let exhibit = waiting.shift(); exhibit; exhibit = waiting.shift()) {
    await page.goto(server.url(exhibit, language));
    await page.evaluate('document.fonts.ready');
    for (const theme of themes) {
      await page.emulateMedia({ colorScheme: theme });
      await page.screenshot({ path: join(values.out, pictureOf(exhibit, device, theme)), fullPage: true });
    }
  }
  await context.close();
}

for (const device of ['desktop', 'phone'] as const) {
  const waiting = [...exhibits];
  await Promise.all(Array.from({ length: TABS }, () => photograph(device, waiting)));
}
await browser.close();
await server.close();
await writeFile(join(values.out, 'index.html'), galleryPage(exhibits, language));
console.log(`${exhibits.length} samples, ${exhibits.length * 4} pictures: ${join(values.out, 'index.html')}`);
