import { Router } from '#kernel/http/router.ts';
import { brandStylesheet } from '#kernel/brand.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { allowFrames, allowFramingByUs } from '#kernel/http/security-headers.ts';
import type { StaticFiles } from '#kernel/http/static.ts';
import { show } from '#kernel/views.ts';
import { instance, type Policies } from '#settings/module.ts';
import type { BrandService } from './brand-service.ts';
import { CLIENT_LOGO_PATH, type ClientLogos } from './client-logos.ts';
import { CLIENT_LOGO_CACHING } from './limits.ts';
import { languageOf, PREVIEW_PATH, previewOf, proposedBrand, sampleOf, themeOf } from './preview.ts';
import { previewView } from './preview-view.ts';

export type Dependencies = {
  brands: BrandService;
  logos: Pick<ClientLogos, 'find'>;
  policies: Policies<'branding'>;
  files: Pick<StaticFiles, 'url'>;
  /** The gate of pages for signed-in users: null when the answer is written. */
  ownPages: { require(ctx: Context, demands: { permission: 'branding.preview' }): Promise<object | null> };
};

const demands = { permission: 'branding.preview' } as const;

/** Routes of the logos of clients, and of the brand preview, for administrators only. */
export function brandingRoutes({ brands, logos, policies, files, ownPages }: Dependencies): Router<State> {
  const router = new Router<State>();
  const proposed = (ctx: Context) => proposedBrand(ctx.query, policies.for(instance).branding, brands.present());

  router.get(`${CLIENT_LOGO_PATH}:file`, sendClientLogo);
  router.get(PREVIEW_PATH, showPreview);
  router.get(`${PREVIEW_PATH}/frame`, showFrame);
  router.get(`${PREVIEW_PATH}/brand.css`, sendStylesheet);

  async function sendClientLogo(ctx: Context): Promise<void> {
    const bytes = await logos.find(ctx.params['file'] ?? '');
    if (bytes === null) return;
    ctx.type = 'image/webp';
    ctx.set('Cache-Control', CLIENT_LOGO_CACHING);
    ctx.body = bytes;
  }

  async function showPreview(ctx: Context): Promise<void> {
    if ((await ownPages.require(ctx, demands)) === null) return;
    const { proposal, wrong } = proposed(ctx);
    allowFrames(ctx);
    show(ctx, 200, previewView, previewOf(ctx.query, proposal, wrong));
  }

  async function showFrame(ctx: Context): Promise<void> {
    if ((await ownPages.require(ctx, demands)) === null) return;
    const sample = sampleOf(ctx.query);
    if (!sample) return;
    ctx.state.brand = proposed(ctx).brand;
    ctx.state.language = languageOf(ctx.query);
    ctx.state.theme = themeOf(ctx.query);
    ctx.state.isFramed = true;
    allowFramingByUs(ctx);
    show(ctx, 200, sample.view, sample.context);
  }

  async function sendStylesheet(ctx: Context): Promise<void> {
    if ((await ownPages.require(ctx, demands)) === null) return;
    ctx.type = 'text/css; charset=utf-8';
    // As the files stand from here: below the path of the issuer, if it has one.
    ctx.body = brandStylesheet(proposed(ctx).brand, (name) => `../..${files.url(name)}`);
  }

  return router;
}
