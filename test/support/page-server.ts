/** Samples of pages and letters over HTTP, with the security policy that pages have in production and the files they need. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import type { State } from '#kernel/http/context.ts';
import { chooseLanguage, type Language } from '#kernel/i18n.ts';
import { defaultBrand, type Brand } from '#kernel/brand.ts';
import { allLetters, strictLetters } from './letters.ts';
import { allSamples, brandedFiles, renderSample, strictRenderer, type Sample } from './pages.ts';

export type PageServer = {
  /** Of a page or a letter. */
  url(sample: Pick<Sample, 'slug'>, language: Language): string;
  close(): Promise<void>;
};

export async function servePages(brand: Brand = defaultBrand): Promise<PageServer> {
  const files = brandedFiles(brand);
  const renderer = strictRenderer(files, () => {}, brand);
  const bySlug = new Map((await allSamples()).map((sample) => [sample.slug, sample]));
  const letters = new Map((await allLetters()).map((sample) => [`letter-${sample.slug}`, sample]));
  const press = strictLetters(() => {}, brand);

  const app = new Koa<State>();
  app.use((ctx, next) => {
    // A page that posts itself stays, to be looked at.
    if (ctx.path !== files.url('forward.js')) return next();
    ctx.type = 'text/javascript';
    ctx.body = '';
    return undefined;
  });
  app.use(files.serve);
  app.use((ctx) => {
    // The pages in the frames of the preview, without scripts, which would not run there.
    if (ctx.path === '/branding/preview/frame') {
      const framed = bySlug.get(`${String(ctx.query['view']).replaceAll('/', '-')}--${String(ctx.query['sample'])}`);
      ctx.body = framed
        ? renderSample(renderer, framed, 'en', { isFramed: true }).replaceAll(/<script[^>]*><\/script>/g, '')
        : '';
      return;
    }
    // The letter in the frame of the mailbox.
    if (ctx.path.startsWith('/dev/mailbox/')) {
      ctx.type = 'text/html; charset=utf-8';
      ctx.body = '<!doctype html><html lang="en"><title>Letter</title><main><h1>Letter</h1></main></html>';
      return;
    }
    // The pending challenge of the email field.
    if (ctx.path.endsWith('/passkey/options')) {
      ctx.body = { challenge: 'AAAA', rpId: ctx.hostname, allowCredentials: [] };
      return;
    }
    const language = chooseLanguage({ uiLocales: String(ctx.query['ui_locales']) });
    const letter = letters.get(ctx.path.slice(1));
    if (letter) {
      ctx.set('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'");
      ctx.body = press.render(letter.letter, letter.context, language).html;
      return;
    }
    const sample = bySlug.get(ctx.path.slice(1));
    if (!sample) return;
    const nonce = 'bm9uY2U';
    ctx.set(
      'Content-Security-Policy',
      `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    );
    ctx.type = 'text/html; charset=utf-8';
    ctx.body = renderSample(renderer, sample, language, { nonce });
  });

  const server = createServer(app.callback());
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: (sample, language) => `http://127.0.0.1:${port}/${sample.slug}?ui_locales=${language}`,
    close: () => close(server),
  };
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((closed) => server.close(() => closed()));
}
