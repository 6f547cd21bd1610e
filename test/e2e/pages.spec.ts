import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { languages, type Language } from '#kernel/i18n.ts';
import { launchBrowser } from '../support/browser.ts';
import { servePages, type PageServer } from '../support/page-server.ts';
import { allSamples, type Sample } from '../support/pages.ts';
import { bringAxe, violations } from './axe.ts';
import { expectRefused } from './person.ts';

const samples = await allSamples();
const everyLanguage = Object.keys(languages) as Language[];
const rightToLeft = everyLanguage.find((language) => languages[language].direction === 'rtl')!;

/**
 * `FULL=1` examines every sample of every page in both directions, themes and sizes. An ordinary run examines two samples
 * of each page: the first one as English desktop in light colours, the longest one as phone from right to left in dark ones.
 */
const isFull = process.env['FULL'] === '1';
const ofEachPage = (rank: (sample: Sample) => number): ReadonlySet<Sample> =>
  new Set(
    Object.values(Object.groupBy(samples, ({ page }) => page)).map(
      (all) => all!.toSorted((one, other) => rank(one) - rank(other))[0]!,
    ),
  );
const plainest = ofEachPage((sample) => samples.indexOf(sample));
const longest = ofEachPage(({ name }) => -['hostile', 'long'].indexOf(name));
const examined = samples.filter((sample) => isFull || plainest.has(sample) || longest.has(sample));
/** German, whose words are long, and one more in turn: over the samples of a page every language is looked at. */
const languagesOf = (sample: Sample): readonly Language[] => {
  const another = everyLanguage[samples.indexOf(sample) % everyLanguage.length]!;
  if (isFull) return [...new Set<Language>(['de', another])];
  return [plainest.has(sample) ? 'de' : another];
};
const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 780 };
const smallest = { width: 320, height: 640 };

let browser: Browser;
let server: PageServer;
/** Runs `work` in the next tab that is free. Two tabs: more would only wait for the two cores that a small machine has. */
type InTab = (work: (page: Page) => Promise<void>) => Promise<void>;
let inTab: InTab;
/** The same in tabs whose pages have axe in them. */
let inTabWithAxe: InTab;
const complaints = new Map<Page, string[]>();

beforeAll(async () => {
  [browser, server] = await Promise.all([launchBrowser(), servePages()]);
  inTab = await openTabs();
  inTabWithAxe = await openTabs(bringAxe);
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

async function openTabs(prepare?: (context: BrowserContext) => Promise<unknown>): Promise<InTab> {
  const idle: Page[] = [];
  const waiting: ((page: Page) => void)[] = [];
  for (let tab = 0; tab < 2; tab++) {
    const context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'Asia/Tokyo' });
    await prepare?.(context);
    const page = await context.newPage();
    complaints.set(page, []);
    page.on('console', (message) => {
      // axe greets each frame, also the sandboxed one of a letter, which has no origin.
      if (!message.text().startsWith("Failed to execute 'postMessage'")) complaints.get(page)?.push(message.text());
    });
    page.on('pageerror', (error) => complaints.get(page)?.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith('http://127.0.0.1:')) complaints.get(page)?.push(`asked for ${request.url()}`);
    });
    idle.push(page);
  }
  return async (work) => {
    const page = idle.pop() ?? (await new Promise<Page>((free) => waiting.push(free)));
    try {
      complaints.get(page)!.length = 0;
      await work(page);
    } finally {
      const next = waiting.shift();
      if (next) next(page);
      else idle.push(page);
    }
  };
}

/** By how many pixels the page can be scrolled sideways, and the elements that stick out. */
async function overflow(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const wide = [...document.querySelectorAll('body *')].filter(
      (element) => element.getBoundingClientRect().right > clientWidth + 1,
    );
    return [`${scrollWidth - clientWidth}px`, ...wide.map((element) => element.outerHTML.slice(0, 120))].slice(0, 5);
  });
}

describe('the examination itself', () => {
  test('finds the errors of a wrong page', () =>
    inTabWithAxe(async (page) => {
      await page.setViewportSize(smallest);
      await page.goto(
        server.url(
          samples.find(({ page }) => page === 'sign-in/login/identifier')!,
          'en',
        ),
      );
      await page.evaluate(() => {
        const grey = document.querySelector('h1') as HTMLElement;
        grey.style.color = '#aaa';
        grey.style.inlineSize = '400px';
        document.querySelector('main')?.append(document.createElement('img'));
      });
      expect((await violations(page, 'all')).map((line) => line.split(':')[0])).toEqual(
        expect.arrayContaining(['color-contrast', 'image-alt']),
      );
      expect(await overflow(page)).not.toEqual([]);
    }));
});

describe(`every page with ${isFull ? 'every sample' : 'an ordinary and a long sample'}`, () => {
  test.concurrent.each(examined.map((sample) => ({ title: `${sample.page}, ${sample.name}`, sample })))(
    'passes axe on a light desktop or a dark phone from right to left: $title',
    ({ sample }) =>
      inTabWithAxe(async (page) => {
        if (isFull || plainest.has(sample)) {
          await page.setViewportSize(desktop);
          await page.emulateMedia({ colorScheme: 'light' });
          await page.goto(server.url(sample, 'en'));
          expect(await violations(page, 'all'), 'desktop, light').toEqual([]);
          if (isFull) {
            await page.emulateMedia({ colorScheme: 'dark' });
            expect(await violations(page, 'of appearance'), 'desktop, dark').toEqual([]);
          }
        }
        if (isFull || longest.has(sample)) {
          await page.setViewportSize(phone);
          await page.emulateMedia({ colorScheme: 'dark' });
          await page.goto(server.url(sample, rightToLeft));
          expect(await violations(page, 'all'), `phone, dark, ${rightToLeft}`).toEqual([]);
          if (isFull) {
            await page.emulateMedia({ colorScheme: 'light' });
            expect(await violations(page, 'of appearance'), 'phone, light').toEqual([]);
          }
        }
        expect(complaints.get(page)).toEqual([]);
      }),
  );

  test.concurrent.each(
    examined.map((sample) => ({ title: `${sample.page}, ${sample.name}`, sample, spoken: languagesOf(sample) })),
  )(
    'never scrolls sideways: at 320 px, right to left, and with text twice as large: $title, $spoken',
    ({ sample, spoken }) =>
      inTab(async (page) => {
        await page.setViewportSize(smallest);
        for (const language of spoken) {
          await page.goto(server.url(sample, language));
          expect(await overflow(page), language).toEqual([]);
        }
        await page.evaluate(() => document.documentElement.setAttribute('dir', 'rtl'));
        expect(await overflow(page), 'right to left').toEqual([]);
        await page.setViewportSize({ width: 640, height: 800 });
        await page.evaluate(() => {
          document.documentElement.setAttribute('dir', 'ltr');
          document.documentElement.style.fontSize = '200%';
        });
        expect(await overflow(page), 'text twice as large').toEqual([]);
      }),
  );
});

describe('additions by scripts', () => {
  const sampleOf = (page: string, name: string) =>
    samples.find((sample) => sample.page === page && sample.name === name)!;

  test('the field has the focus after one error, which is read with it and stands nowhere else', () =>
    inTab(async (page) => {
      await page.goto(server.url(sampleOf('sign-in/login/password', 'wrong'), 'en'));
      await expectRefused(page, 'password');
    }));

  test('the message has the focus after two errors, so that it is read first, and leads to the fields', () =>
    inTab(async (page) => {
      await page.goto(server.url(sampleOf('sign-in/registration/create', 'empty'), 'en'));
      expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('alert');
      const first = page.getByRole('alert').getByRole('link').first();
      const field = (await first.getAttribute('href'))!.slice(1);
      await first.click();
      expect(await page.evaluate(() => document.activeElement?.id)).toBe(field);
    }));

  test.each([
    ['sign-in/login/identifier', 'email'],
    ['sign-in/login/password', 'password'],
    ['sign-in/mfa/code', 'code'],
  ])('the first field has the focus on arrival: %s', (name, field) =>
    inTab(async (page) => {
      await page.goto(
        server.url(
          samples.find((sample) => sample.page === name)!,
          'en',
        ),
      );
      expect(await page.evaluate(() => document.activeElement?.id)).toBe(field);
    }),
  );

  test('a page that asks for nothing leaves the focus where it is', () =>
    inTab(async (page) => {
      await page.goto(server.url(sampleOf('errors/error', 'fault'), 'en'));
      expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('BODY');
    }));

  test('a copy button copies, says so, and resets itself', () =>
    inTab(async (page) => {
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await page.goto(server.url(sampleOf('errors/error', 'fault'), 'en'));
      const button = page.locator('[data-copy]');
      await button.click();
      await expect.poll(() => button.innerText()).toBe('Copied');
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('0195b7e0-3f6a-4c1d-9e52-7a8b9c0d1e2f');
      await expect.poll(() => button.innerText(), { timeout: 4000 }).toMatch(/^Copy/);
    }));

  test('times are shown in the time zone of the user', () =>
    inTab(async (page) => {
      await page.goto(server.url(sampleOf('sign-in/login/password', 'throttled for minutes'), 'en'));
      await expect.poll(() => page.locator('time').innerText()).toBe('19:31');
    }));

  test('times are shown in the language of the page, also if the browser reports an unknown zone name', async () => {
    const context = await browser.newContext({ timezoneId: 'Asia/Tokyo' });
    await context.addInitScript(
      "Object.defineProperty(navigator, 'languages', { value: ['de@posix', 'de-AT@euro', 'en'] })",
    );
    const page = await context.newPage();
    await page.goto(server.url(sampleOf('errors/error', 'fault'), 'de'));
    await expect.poll(() => page.locator('time').innerText()).toBe('22. November 2026 um 19:27');
    await context.close();
  });
});

describe('without scripts', () => {
  test('no useless element is shown, and times name their zone', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(
      server.url(
        samples.find(({ page, name }) => page === 'errors/error' && name === 'fault')!,
        'en',
      ),
    );
    expect(await page.locator('[data-copy]').isVisible()).toBe(false);
    expect(await page.locator('time').innerText()).toBe('22 November 2026 at 10:27 UTC');
    await context.close();
  });

  test('the language is switched by a link, and stays on the page', () =>
    inTab(async (page) => {
      await page.goto(
        server.url(
          samples.find(({ page, name }) => page === 'sign-in/login/identifier' && name === 'plain')!,
          'en',
        ),
      );
      await page.locator('.languages summary').click();
      await page.getByRole('link', { name: 'Deutsch' }).click();
      expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Bei Tally anmelden');
      expect(new URL(page.url()).pathname).toBe('/sign-in-login-identifier--plain');
    }));
});

describe('the list of languages', () => {
  const plain = samples.find(({ page, name }) => page === 'sign-in/login/identifier' && name === 'plain')!;

  test('fits on the smallest screen, offers every language by its own name, and passes axe', () =>
    inTabWithAxe(async (page) => {
      await page.setViewportSize(smallest);
      await page.goto(server.url(plain, 'en'));
      await page.locator('.languages summary').click();
      expect(await page.locator('.languages li').allInnerTexts()).toEqual(
        Object.values(languages).map(({ name }) => name),
      );
      expect(await overflow(page)).toEqual([]);
      expect(await page.locator('.languages ul').evaluate((list) => list.getBoundingClientRect().top)).toBeGreaterThan(
        0,
      );
      expect(await violations(page, 'all')).toEqual([]);
    }));

  test('closes on Escape with the focus where it was, and on a click elsewhere', () =>
    inTab(async (page) => {
      await page.goto(server.url(plain, 'en'));
      const list = page.locator('.languages ul');
      await page.locator('.languages summary').click();
      await page.keyboard.press('Tab');
      await page.keyboard.press('Escape');
      expect(await list.isVisible()).toBe(false);
      expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('SUMMARY');
      await page.keyboard.press('Enter');
      expect(await list.isVisible()).toBe(true);
      await page.locator('h1').click();
      expect(await list.isVisible()).toBe(false);
    }));
});

describe('settings of the device', () => {
  const plain = samples.find(({ page, name }) => page === 'sign-in/login/password' && name === 'wrong')!;

  test('nothing moves with reduced motion', () =>
    inTab(async (page) => {
      await page.goto(server.url(plain, 'en'));
      const moving = await page.evaluate(
        () =>
          [...document.querySelectorAll('*')]
            .map((element) => getComputedStyle(element))
            .filter(({ animationName, transitionDuration }) => animationName !== 'none' || transitionDuration !== '0s')
            .length,
      );
      expect(moving).toBe(0);
    }));

  test('in forced colours every control has a border, and the line its bolt', () =>
    inTab(async (page) => {
      await page.emulateMedia({ forcedColors: 'active' });
      await page.goto(server.url(plain, 'en'));
      const edges = await page.evaluate(() =>
        [...document.querySelectorAll('.btn:not(.quiet), .input')].map(
          (control) => getComputedStyle(control).borderTopStyle,
        ),
      );
      expect(edges.length).toBeGreaterThan(1);
      expect(new Set(edges)).toEqual(new Set(['solid']));
      const [bolt, page_] = await page.evaluate(() => [
        getComputedStyle(document.querySelector('.bolt')!).backgroundColor,
        getComputedStyle(document.documentElement).backgroundColor,
      ]);
      expect(bolt).not.toBe(page_);
      await page.emulateMedia({ forcedColors: 'none' });
    }));

  test('zoomed to 200 %, a page is complete without scrolling sideways', () =>
    inTabWithAxe(async (page) => {
      await page.setViewportSize({ width: 640, height: 400 });
      await page.goto(server.url(plain, 'de'));
      expect(await overflow(page)).toEqual([]);
      expect(await violations(page, 'of appearance')).toEqual([]);
    }));
});

describe('a page of a sign-in', () => {
  test('works with the keyboard alone', () =>
    inTab(async (page) => {
      await page.goto(
        server.url(
          samples.find(({ page, name }) => page === 'sign-in/login/password' && name === 'plain')!,
          'en',
        ),
      );
      // The field has the focus on arrival; what stands before it is reached backwards.
      const stops: string[] = [];
      const focused = () => page.evaluate(() => document.activeElement?.id);
      expect(await focused()).toBe('password');
      await page.keyboard.press('Shift+Tab');
      expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe('Use another account');
      await page.keyboard.press('Shift+Tab');
      expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe('Skip to content');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      expect(await focused()).toBe('password');
      for (let stop = 0; stop < 12 && !stops.at(-1)?.startsWith('Language'); stop++) {
        await page.keyboard.press('Tab');
        stops.push(
          await page.evaluate(
            () =>
              document.activeElement?.id ||
              document.activeElement?.getAttribute('name') ||
              (document.activeElement as HTMLElement).innerText.replaceAll(/\s+/g, ' '),
          ),
        );
      }
      expect(stops.slice(0, 3)).toEqual(['Show password', 'remember', 'action']);
      expect(stops.at(-1)).toBe('Language: English');
    }));

  test('loads its stylesheets, one font, one icon and its scripts', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname.replace(/\.[\w-]{12}\./, '.')));
    await page.goto(
      server.url(
        samples.find(({ page, name }) => page === 'sign-in/login/identifier' && name === 'plain')!,
        'de',
      ),
      { waitUntil: 'networkidle' },
    );
    const files = [
      '/assets/brand.css',
      '/assets/fonts/hyperlegible.woff2',
      '/assets/icon.svg',
      '/assets/latchkey.css',
      '/assets/page.js',
      '/assets/passkey.js',
      '/sign-in-login-identifier--plain',
      // Passkeys offered in the field for the address; nothing waits for it.
      '/interaction/4Tj2/passkey/options',
    ];
    expect(asked.filter((path) => !files.includes(path))).toEqual([]);
    await context.close();
  });
});
