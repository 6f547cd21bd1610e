import { describe, expect, test } from 'vitest';
import { brandOf, defaultBrand, type Brand } from '#kernel/brand.ts';
import type { Language } from '#kernel/i18n.ts';
import { errorView, type ErrorPage } from '#kernel/http/error-view.ts';
import { createRenderer, initials, show, type Renderer } from '#kernel/views.ts';

const frame = { language: 'en' as Language, csrf: 'token-of-this-browser', nonce: 'nonce-of-this-answer', query: '' };
const page: ErrorPage = { ...errorView.samples['fault']! };
const rendererOf = (brand: Brand): Renderer =>
  createRenderer({ brand: () => brand, assetUrl: (name) => `/assets/${name}` });
const renderer = rendererOf(defaultBrand);

describe('the frame of a page', () => {
  test('has the nonce of the response on its scripts', () => {
    expect(renderer.render(errorView, page, frame)).toContain(
      '<script type="module" src="/assets/page.js" nonce="nonce-of-this-answer">',
    );
  });

  test('shows the current brand', () => {
    let brand = defaultBrand;
    const changing = createRenderer({ brand: () => brand, assetUrl: (name) => name });
    expect(changing.render(errorView, page, frame)).toContain('· Latchkey</title>');
    brand = brandOf({ name: 'Fern & Way', helpUrl: 'https://fernway.example/help' });
    const html = changing.render(errorView, page, frame);
    expect(html).toContain('· Fern &amp; Way</title>');
    expect(html).toContain('<a href="https://fernway.example/help">Help</a>');
    expect(html).not.toContain('Privacy');
  });

  test('names a logo with a wordmark by its alternative text, and any other beside it', () => {
    const logo = { kind: 'image', url: '/assets/logo.svg', darkUrl: null, letterUrl: null, holdsName: true } as const;
    const word = rendererOf({ ...defaultBrand, name: 'Halden', logo }).render(errorView, page, frame);
    expect(word).toContain('<img class="plate" src="/assets/logo.svg" alt="Halden"></span>');
    const sign = rendererOf({ ...defaultBrand, name: 'Halden', logo: { ...logo, holdsName: false } }).render(
      errorView,
      page,
      frame,
    );
    expect(sign).toMatch(/<img class="plate" src="\/assets\/logo\.svg" alt=""><span>Halden<\/span>/);
  });
});

describe('times on a page', () => {
  const wait = (language: Language, waitSeconds: number) =>
    renderer.render(errorView, { ...page, kind: 'throttled', waitSeconds }, { ...frame, language });

  test.each([
    { seconds: 0.2, en: '1 second', de: '1 Sekunde' },
    { seconds: 59, en: '59 seconds', de: '59 Sekunden' },
    { seconds: 60, en: '1 minute', de: '1 Minute' },
    { seconds: 61, en: '2 minutes', de: '2 Minuten' },
    { seconds: 5399, en: '90 minutes', de: '90 Minuten' },
    { seconds: 5400, en: '2 hours', de: '2 Stunden' },
  ])('are rounded up, so that no user returns too early: $seconds s', ({ seconds, en, de }) => {
    expect(wait('en', seconds)).toContain(`Wait ${en}.`);
    expect(wait('de', seconds)).toContain(`Warten Sie ${de}.`);
  });

  test('are shown in UTC, with the data for a script to show them in the user’s zone', () => {
    const at = new Date('2026-11-22T10:27:00Z');
    expect(renderer.render(errorView, { ...page, at }, frame)).toContain(
      '<time datetime="2026-11-22T10:27:00.000Z" data-local="full">22 November 2026 at 10:27 UTC</time>',
    );
  });
});

describe('a link to the home page of an app', () => {
  const link = (homeUrl: string) =>
    /<a class="btn full" href="([^"]*)"/.exec(
      renderer.render(errorView, { ...page, client: { name: 'Tally', homeUrl } }, frame),
    )?.[1];

  test.each(['https://tally.example/', 'http://localhost:8080/'])('is shown: %s', (url) => expect(link(url)).toBe(url));

  test.each([
    'javascript:alert(1)',
    ' javascript:alert(1)',
    'JAVASCRIPT:alert(1)',
    'data:text/html,x',
    '//evil.example',
    '/x',
    'tally.example',
    '',
  ])('is not shown, because it is unsafe: %j', (url) => expect(link(url)).toBeUndefined());
});

describe('initials', () => {
  test.each([
    ['Noor Haddad', 'NH'],
    ['noor@fernway.example', 'N'],
    ['noor.van.haddad@fernway.example', 'NH'],
    ['  ', '?'],
    ['@', '?'],
    ['🦊 fox', 'F'],
    ['(Noor) "Haddad"', 'NH'],
    ['émile zola', 'ÉZ'],
    ['e\u0301mile', 'E\u0301'],
    ['李', '李'],
    ['"><script>', 'S'],
  ])('of %j are %j', (name, letters) => expect(initials(name)).toBe(letters));
});

describe('show', () => {
  function answer(render: () => string) {
    const headers = new Map<string, string>();
    const ctx = {
      status: 404,
      type: '',
      body: undefined as unknown,
      set: (name: string, value: string) => void headers.set(name, value),
      state: { render },
    };
    return { ctx, headers };
  }

  test('answers with HTML that must not be cached', () => {
    const { ctx, headers } = answer(() => '<p>');
    show(ctx, 422, errorView, page);
    expect(ctx).toMatchObject({ status: 422, type: 'text/html; charset=utf-8', body: '<p>' });
    expect(headers.get('Cache-Control')).toBe('no-store');
  });

  test('does not change the response when the page cannot be rendered', () => {
    const { ctx, headers } = answer(() => {
      throw new Error('broken');
    });
    expect(() => show(ctx, 200, errorView, page)).toThrow('broken');
    expect(ctx.status).toBe(404);
    expect(headers.size).toBe(0);
  });
});
