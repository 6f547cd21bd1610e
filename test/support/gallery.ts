/**
 * Pictures of every page with every sample, in both themes, on a desktop and a phone.
 *
 * npm run gallery [-- --out .gallery] [--only login/password] [--language de]
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { languages, type Language } from '#kernel/i18n.ts';
import { launchBrowser } from './browser.ts';
import { servePages } from './page-server.ts';
import { allSamples, type Sample } from './pages.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: '.gallery' },
    only: { type: 'string', default: '' },
    language: { type: 'string', default: 'en' },
  },
});
const language = values.language as Language;
if (!Object.hasOwn(languages, language)) throw new Error(`there is no language "${language}"`);

const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 780 } };
const themes = ['light', 'dark'] as const;

const samples = (await allSamples()).filter(({ page }) => page.startsWith(values.only));
await mkdir(values.out, { recursive: true });
const server = await servePages();
const browser = await launchBrowser();
for (const [device, viewport] of Object.entries(sizes)) {
  const context = await browser.newContext({
    viewport,
    deviceScaleFactor: device === 'phone' ? 2 : 1,
    reducedMotion: 'reduce',
    locale: language,
    timezoneId: 'UTC',
  });
  const page = await context.newPage();
  for (const sample of samples) {
    await page.goto(server.url(sample, language));
    await page.evaluate('document.fonts.ready');
    for (const theme of themes) {
      await page.emulateMedia({ colorScheme: theme });
      await page.screenshot({ path: join(values.out, pictureOf(sample, device, theme)), fullPage: true });
    }
  }
  await context.close();
}
await browser.close();
await server.close();
await writeFile(join(values.out, 'index.html'), index());
console.log(`${samples.length} samples, ${samples.length * 4} pictures: ${join(values.out, 'index.html')}`);

function pictureOf({ slug }: Sample, device: string, theme: string): string {
  return `${slug}.${device}.${theme}.png`;
}

function index(): string {
  const figures = samples.map((sample) => {
    const pictures = Object.keys(sizes).flatMap((device) =>
      themes.map((theme) => `<img loading="lazy" src="${pictureOf(sample, device, theme)}" alt="${device}, ${theme}">`),
    );
    return `<h2>${sample.page}: ${sample.name}</h2><div>${pictures.join('')}</div>`;
  });
  const style =
    'body{font:1rem system-ui;margin:2rem}div{display:flex;gap:1rem;overflow-x:auto;align-items:start}img{height:28rem;border:1px solid #ccc}';
  return `<!doctype html><meta charset="utf-8"><title>Latchkey pages</title><style>${style}</style>${figures.join('\n')}\n`;
}
