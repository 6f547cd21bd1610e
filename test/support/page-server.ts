/** Samples of pages over HTTP, with the security policy that pages have in production and the files they need. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import type { State } from '#kernel/http/context.ts';
import { chooseLanguage, type Language } from '#kernel/i18n.ts';
import { defaultBrand, type Brand } from '#kernel/brand.ts';
import { allSamples, brandedFiles, renderSample, strictRenderer, type Sample } from './pages.ts';

export type PageServer = { url(sample: Sample, language: Language): string; close(): Promise<void> };

export async function servePages(brand: Brand = defaultBrand): Promise<PageServer> {
  const files = brandedFiles(brand);
  const renderer = strictRenderer(files, () => {}, brand);
  const bySlug = new Map((await allSamples()).map((sample) => [sample.slug, sample]));

  const app = new Koa<State>();
  app.use(files.serve);
  app.use((ctx) => {
    const sample = bySlug.get(ctx.path.slice(1));
    if (!sample) return;
    const nonce = 'bm9uY2U';
    ctx.set(
      'Content-Security-Policy',
      `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    );
    ctx.type = 'text/html; charset=utf-8';
    ctx.body = renderSample(renderer, sample, chooseLanguage({ uiLocales: String(ctx.query['ui_locales']) }), nonce);
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
