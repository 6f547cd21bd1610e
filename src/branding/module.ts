/**
 * branding: the brand of pages and mails.
 *
 * Owns    the table brand: logos, the operator's own stylesheet, and the brands of single clients; the files of brands that
 *         browsers load; the preview of every page.
 * Leaves  names, colours and shapes of the instance to the settings, the derivation of colours to the stylesheet.
 * URLs    /assets/brand/…, /branding/preview
 */
import type { AuditLog } from '#audit/module.ts';
import { createCache } from '#kernel/cache.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { Context, Middleware } from '#kernel/http/context.ts';
import type { StaticFiles } from '#kernel/http/static.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import type { Log } from '#kernel/log.ts';
import type { Policies, SettingsService } from '#settings/module.ts';
import { BrandService, type Dependencies as BrandDependencies } from './brand-service.ts';
import { brandingRoutes, type Dependencies as RouteDependencies } from './routes.ts';
import { BRAND_FRESH_FOR, MOST_KEPT_BRANDS } from './limits.ts';
import { type Mount, READ } from '#kernel/http/mounts.ts';

export type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'transaction'>;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe' | 'isHealthy'>;
  log: Log;
  audit: Pick<AuditLog, 'record'>;
  policies: Policies<'branding'>;
  settings: Pick<SettingsService, 'onChange'>;
  files: Pick<StaticFiles, 'publish' | 'url' | 'serve'>;
  clients: BrandDependencies['clients'];
};

/** Creates the brand service with its cache, the routes of the preview, and the middleware for public files. */
export async function createBranding({ invalidation, log, ...deps }: Dependencies) {
  const brands = new BrandService({
    ...deps,
    cache: createCache({
      name: 'brands',
      maxEntries: MOST_KEPT_BRANDS,
      ttl: BRAND_FRESH_FOR,
      clock: deps.clock,
      invalidation,
    }),
    announce: () => invalidation.publish('branding', 'instance'),
  });
  const follow = () =>
    void brands.reload().catch((err: unknown) => log.warn({ err }, 'brand not read again; the known one stays'));
  invalidation.subscribe('branding', { changed: follow, resync: follow });
  await brands.reload();
  return {
    brands,
    routes: (ownPages: RouteDependencies['ownPages']) => brandingRoutes({ ...deps, brands, ownPages }),
    /** Serves the public files, and the stylesheet and pictures of brands among them. */
    serveFiles: (async (ctx, next) => {
      await brands.prepare(ctx.path);
      return deps.files.serve(ctx, next);
    }) as Middleware,
    /** Puts the pages of this request into the brand of the client that they are about. */
    async dress(ctx: Pick<Context, 'state'>, clientId: string): Promise<void> {
      ctx.state.brand = await brands.ofClient(clientId);
    },
  };
}

/** Where its pages are. */
export const brandingMounts: readonly Mount[] = [
  { path: '/branding/preview', audience: 'page', methods: READ },
  { path: '/branding/preview/*', audience: 'page', methods: READ },
];

export { BrandRow } from './brand-service.ts';
